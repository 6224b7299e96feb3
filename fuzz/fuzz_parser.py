"""Coverage-guided fuzzing of the reader: any bytes are read in a second and 200 MB, or refused with a SpecError.

    fuzz_parser.py --seconds 120    look for inputs that break this; what is learned stays in build/fuzz/corpus
    fuzz_parser.py FILE …           read these inputs once, and say what became of each

What parses must also survive `fmt`: the canonical text has the same tree, and its own format is itself. The seeds are
the examples and the golden files of the day, the words for the mutations come from grammar.lark. libFuzzer ends the run
at the first finding, and leaves the input in build/fuzz.
"""

from __future__ import annotations

import random
import re
import sys
import time
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rlhf_contract"]):
    from rlhf_contract.editor.words import FUNCTIONS, keywords_of_grammar
    from rlhf_contract.errors import SpecError
    from rlhf_contract.lang import ast, check, parse
    from rlhf_contract.lang.aggregate import RULES
    from rlhf_contract.lang.format import format_spec
    from rlhf_contract.lang.parse import MAX_SOURCE_BYTES

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "fuzz"
MAX_SECONDS = 1.0
"""Of processor time, for reading one input; formatting it and reading that again come on top."""
MAX_MEGABYTES = 200
HANGS_AFTER = 10

MARKS = (*'[](){},:+-*/=<>#"\n ', "<=", ">=", "!=", '"a"')
NUMBERS = ("0", "1", "0.000001", "0.9999999", "9223372036854775807", "1" + "0" * 18, "9" * 4300, "256", "257", "1.0.0")
NESTS = (("(", ")"), ("NOT ", ""), ("-", ""), ("IF x THEN 1 ELSE ", ""), ("abs(", ")"), ("FORALL s IN l: ", ""))
WORDS = (
    *keywords_of_grammar(),
    *FUNCTIONS,
    *RULES,
    *MARKS,
    *NUMBERS,
    "x",
    "s.x",
    "reward",
    "\u202e",
    "\0",
    "\r",
    "é",
    "😀",
)

TOKEN = re.compile(r'[ \n]+|"[^"\n]*"|#[^\n]*|[A-Za-z0-9_.]+|[<>!]=|.', re.DOTALL)


def read(data: bytes) -> None:
    """One input. Raises AssertionError if it takes too long or `fmt` changes what it means; and what the reader raises
    where it should not.
    """
    tree = None
    start = time.process_time()
    with suppress(SpecError):
        tree = parse(data)
        check(tree)
    seconds = time.process_time() - start
    assert seconds <= MAX_SECONDS, f"reading took {seconds:.1f} s"
    if tree is None:
        return
    text = format_spec(tree)
    if len(text.encode("utf-8")) <= MAX_SOURCE_BYTES:
        again = parse(text)
        assert meaning(again) == meaning(tree), "the canonical text has another tree"
        assert format_spec(again) == text, "the canonical text is not its own format"


def meaning(tree: ast.Spec) -> list[object]:
    """The tree and the words of its comments; where a comment stands, and the spaces behind it, are layout.

    As a flat list, because a long chain of operators is a deep tree, too deep for == to recurse into.
    """
    flat: list[object] = [comment.text.rstrip() for comment in tree.comments]
    waiting: list[object] = [replace(tree, comments=())]
    while waiting:
        item = waiting.pop()
        if is_dataclass(item):
            flat.append(type(item))
            waiting += [getattr(item, f.name) for f in fields(item) if f.compare]
        elif isinstance(item, tuple):
            flat.append(len(item))
            waiting += item
        else:
            flat.append(item)
    return flat


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Half the time libFuzzer's own mutation of bytes, else one of words, which gets past the lexer more often."""
    dice = random.Random(seed)
    if dice.random() < 0.5:
        return bytes(atheris.Mutate(data, max_size))
    tokens = TOKEN.findall(data.decode("utf-8", "replace")) or [""]
    for _ in range(dice.choice((1, 1, 2, 4))):
        here = dice.randrange(len(tokens) + 1)
        there = here + dice.choice((1, 2, 4, 8, 40))
        match dice.randrange(7):
            case 0:
                del tokens[here : here + dice.choice((1, 1, 2, 8))]
            case 1:
                tokens[here:here] = [" ", dice.choice(WORDS), " "]
            case 2:
                tokens[here : here + 1] = [dice.choice(WORDS)]
            case 3:
                tokens[here:here] = tokens[here:there]
            case 4:
                tokens[here : here + 1] = [dice.choice(tokens or [""])]
            case 5:
                part = "".join(tokens[here:there]) or " "
                times = min(dice.choice((2, 8, 70, 300, 3000, 30_000)), 1 + MAX_SOURCE_BYTES // len(part))
                tokens[here:there] = [part] * times
            case _:
                opening, closing = dice.choice(NESTS)
                depth = dice.choice((1, 2, 40, 63, 64, 65, 500))
                tokens[here:there] = [opening * depth, *tokens[here:there], closing * depth]
        tokens = tokens[:MAX_SOURCE_BYTES] or [""]
    return "".join(tokens).encode("utf-8", "replace")[:max_size]


def seeds() -> list[str]:
    """The contracts of the examples, of the golden files and of the other tests."""
    stories = [path.read_text("utf-8") for path in sorted((ROOT / "tests" / "golden").glob("*/*.md"))]
    written = [text for story in stories for text in re.findall(r"^```legal[^\n]*\n(.*?)^```$", story, re.M | re.S)]
    files = [*sorted((ROOT / "examples").rglob("*.legal")), *sorted((ROOT / "tests").rglob("*.legal"))]
    return [path.read_text("utf-8") for path in files] + written


def fuzz(seconds: int) -> None:
    """Fuzz for so long. libFuzzer ends the process: with 0 if nothing was found."""
    for folder in ("corpus", "seeds"):
        (WORK / folder).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (WORK / "seeds" / f"{number:03d}.legal").write_text(seed, "utf-8", newline="")
    dictionary = WORK / "keywords.dict"
    dictionary.write_text("".join(f'"{word}"\n' for word in (*keywords_of_grammar(), *FUNCTIONS, *RULES)), "utf-8")
    options = {
        "max_total_time": seconds,
        "timeout": HANGS_AFTER,
        "rss_limit_mb": MAX_MEGABYTES,
        "max_len": MAX_SOURCE_BYTES + 64,
        "dict": dictionary,
        "artifact_prefix": f"{WORK}/",
        "verbosity": 0,
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items())]
    atheris.Setup([*arguments, str(WORK / "corpus"), str(WORK / "seeds")], read, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> None:
    """Fuzz, or read the files that are named."""
    match sys.argv[1:]:
        case ["--seconds", seconds]:
            fuzz(int(seconds))
        case [_, *_] as files:
            for file in files:
                start = time.perf_counter()
                read(Path(file).read_bytes())
                print(f"{file}: {time.perf_counter() - start:.3f} s")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
