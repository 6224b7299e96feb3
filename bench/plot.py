"""bench/results.svg from the rows of bench/results.json: what was measured, and nothing that is not there."""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["chart"]

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WIDTH, LEFT, RIGHT, LINE = 1200, 680, 160, 26
CURVE = 250  # height of the curve above the bars
OURS, THEIRS, MISSED, QUIET, GRID = "#1f6feb", "#9aa4b2", "#c0392b", "#57606a", "#d8dee4"


def chart(document: dict[str, Any]) -> str:
    """Two parts: microseconds a reward over the number of rewards, and each ratio as a bar on a logarithmic scale."""
    rows = document["rows"]
    sizes = sorted((int(row["id"].split(".")[1]), row["value"]) for row in rows if _is_size(row["id"]))
    compared = [row for row in rows if row["ratio"] and not _is_size(row["id"])]
    above = CURVE + 40 if sizes else 0
    height = 70 + above + LINE * len(compared) + 40
    machine = document["machine"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(16, 26, "Rewards, beside what they are compared with", size=17),
        _text(16, 46, f"{machine['cpu']}, {machine['cores']} cores; {document['command']}", QUIET, size=12),
    ]
    if sizes:
        parts += _curve(sizes, 64)
    parts += _bars(compared, 64 + above)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _is_size(id_: str) -> bool:
    head, _, tail = id_.partition(".")
    return head == "size" and tail.isdigit()


def _text(x: float, y: float, words: str, fill: str = "#24292f", anchor: str = "start", size: int = 13) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text {place} fill="{fill}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _curve(sizes: list[tuple[int, float]], top: float) -> list[str]:
    """Processor time for each reward: level where time is linear."""
    most = 1.25 * max(value for _, value in sizes)
    low, high = math.log10(sizes[0][0]), math.log10(sizes[-1][0])
    left, right, floor = 100, WIDTH - 40, top + CURVE - 30

    def place(count: int, value: float) -> tuple[float, float]:
        across = (math.log10(count) - low) / (high - low or 1)
        return left + across * (right - left), floor - value / most * (floor - top - 20)

    parts = [_text(16, top + 8, "µs of one core for each reward evaluated, packed and hashed (level = linear)")]
    for part in (0.0, 0.5, 1.0):
        _, y = place(sizes[0][0], part * most)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(_text(left - 30, y + 4, f"{part * most:.2g}", QUIET, "end", 12))
    points = [place(*size) for size in sizes]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{joined}" fill="none" stroke="{OURS}" stroke-width="2"/>')
    for (count, value), (x, y) in zip(sizes, points, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{OURS}"/>')
        parts.append(_text(x, y - 10, f"{value:.3g}", anchor="middle", size=12))
        parts.append(_text(x, floor + 18, f"{count:,}", QUIET, "middle", 12))
    return parts


def _bars(rows: list[dict[str, Any]], top: float) -> list[str]:
    """A bar from 1 (as good) to the ratio; to the right is better."""
    if not rows:
        return []
    ratios = [row["ratio"] for row in rows]
    low = math.floor(math.log10(min(1.0, *ratios)))
    high = max(1, math.ceil(math.log10(max(ratios))))
    bottom = top + 26 + LINE * len(rows)

    def place(ratio: float) -> float:
        return LEFT + (math.log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [_text(16, top + 8, "how many times better than the other (1 = as good; logarithmic)")]
    for power in range(low, high + 1):
        x = place(10.0**power)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + 16}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(_text(x, bottom + 16, _power(power), QUIET, "middle", 12))
    for number, row in enumerate(rows):
        y = top + 22 + LINE * number
        start, end = sorted((place(1.0), place(row["ratio"])))
        colour = MISSED if row["met"] is False else OURS if row["ratio"] >= 1 else THEIRS
        parts.append(
            f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 1.5):.1f}" height="{LINE - 10}" fill="{colour}">'
            f"<title>{escape(row['what'])}; beside {escape(row['other']['name'])}</title></rect>"
        )
        parts.append(_text(16, y + 13, _short(f"{row['id']}: beside {row['other']['name']}", 100), size=12))
        said = f"{row['ratio']:,.3g}×" if row["ratio"] < 1000 else f"{row['ratio']:,.0f}×"
        target = (row["target"] or "").removeprefix("ratio ")
        parts.append(_text(max(end, place(1.0)) + 6, y + 13, f"{said}  {target}".strip(), size=12))
    parts.append(f'<line x1="{place(1):.1f}" x2="{place(1):.1f}" y1="{top + 16}" y2="{bottom}" stroke="{QUIET}"/>')
    return parts


def _power(power: int) -> str:
    """0.1×, 10×, 10⁴×: short enough to stand side by side."""
    return f"{10.0**power:g}×" if abs(power) <= 2 else f"10{str(power).translate(RAISED)}×"


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
