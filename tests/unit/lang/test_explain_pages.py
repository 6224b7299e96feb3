"""What the author wrote stays text: in the page and in the Markdown it cannot become markup, a link or a disguise."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from rlhf_contract.lang.explain import explain, to_html, to_markdown
from rlhf_contract.lang.explanation import visible
from rlhf_contract.lang.parse import parse

HOSTILE = (
    "<script>alert(1)</script> **x** _x_ [x](http://x) `x` https://x.example www.x.example a@x.example <!-- & &lt; "
    "\u202e \x1b[2J"
)
SOURCE = """\
LEGAL-BLOCKS 1
CONTRACT C VERSION 1.0.0
  TITLE "{0}"
  REWARD IN [-1, 1]
SIGNALS
  x  : score BY "{0}"  # {0}
  b  : bool
  xs : list [3] of {{ ok: bool }}
STAKEHOLDERS
  who WEIGHT 1 WANTS x
AGGREGATE weighted_mean
INVARIANT i: b CITES "{0}"
# {0}
# - list
# ===
#     code
# ```
"""


class Page(HTMLParser):
    """The tags, attributes and text of a page; every tag must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_html_of_a_hostile_author() -> None:
    """No tag, no attribute and no hidden character of the author's gets into the page; his words do."""
    harmless, hostile = (
        Page(to_html(explain(parse(source)))) for source in (SOURCE.format("fine"), SOURCE.format(HOSTILE))
    )

    assert hostile.open == []
    assert set(hostile.tags) - {"br"} <= set(harmless.tags)
    assert hostile.attributes == {"charset", "class", "content", "http-equiv", "lang", "name"}
    assert hostile.words.count(visible(HOSTILE)) == 11  # each in the source and in the English; the title also on top
    assert not {"\u202e", "\x1b"} & set(hostile.words)


def test_markdown_of_a_hostile_author() -> None:
    """The author's words make no HTML, emphasis, heading, list or link in Markdown, not even out of a bare address."""
    texts = [to_markdown(explain(parse(source))) for source in (SOURCE.format("fine"), SOURCE.format(HOSTILE))]
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    harmless, hostile = (Page(reader.render(text)) for text in texts)
    outside_fences = re.sub(r"(?ms)^(```+)$.*?^\1$", "", texts[1])

    assert set(hostile.tags) - {"br"} <= set(harmless.tags)
    assert (hostile.tags["h1"], hostile.attributes) == (1, set())
    assert hostile.words.count(visible(HOSTILE)) == 11
    assert [a for a in ("http://", "https://", "www.", "a@x") if a in outside_fences] == []


def test_html_needs_nothing_else() -> None:
    """The page has no script, asks for nothing from outside, and knows dark and light and the width of a phone."""
    page = to_html(explain(parse(SOURCE.format("fine"))))
    wanted = ("prefers-color-scheme: dark", "width=device-width", "default-src 'none'", "@media (max-width:")

    assert [w for w in ("<script", "<link", "<img", "src=", "href=", "url(", "@import") if w in page] == []
    assert [w for w in wanted if w not in page] == []
