"""What a file says: HTML as Markdown (headings, lists and paragraphs kept, scripts and styles left out), other texts as
they are with line ends and characters made alike.

Nothing is fetched and nothing is run. The parser is Python's own; it is fed a bounded text.
"""

import re
import unicodedata
from html.parser import HTMLParser
from typing import Final

from trimtab.core.errors import InvalidRequest
from trimtab.retrieval.types import MOST_TEXT, Kind

_SILENT: Final = frozenset(("script", "style", "noscript", "template", "svg", "head", "nav", "iframe", "object"))
_BLOCKS: Final = frozenset(
    (
        "p", "div", "section", "article", "main", "header", "footer", "aside", "ul", "ol", "table", "tr", "blockquote",
        "pre", "figure", "figcaption", "dl", "dt", "dd", "form", "fieldset", "details", "summary", "hr",
    )
)  # fmt: skip
_VOID: Final = frozenset(("br", "hr", "img", "input", "meta", "link", "wbr", "col", "area", "base", "source", "track"))
_HEADING: Final = re.compile(r"h[1-6]")
_BLANKS: Final = re.compile(r"[ \t]+")
_LINES: Final = re.compile(r"\n{3,}")
_FRONT_MATTER: Final = 20_000
"""Characters within which front matter ends."""
_FIRST_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(.{1,200}?)[ \t]*#*$", re.MULTILINE)


def plain(kind: Kind, text: str) -> tuple[str, str]:
    """The text as it is kept, and a title found in it, empty for none. Raises `InvalidRequest` for one that is too long
    or says nothing."""
    if len(text) > MOST_TEXT:
        raise InvalidRequest(
            f"A document has at most {MOST_TEXT:,} characters; this one has {len(text):,}.",
            fix="Divide it.",
            code="document_too_long",
            param="text",
        )
    title = ""
    if kind == "html":
        reader = _Reader()
        reader.feed(text)
        reader.close()
        text, title = reader.text(), reader.title.strip()
    elif kind == "markdown":
        title, text = _without_front_matter(text.replace("\r\n", "\n"))
    made = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))
    made = made.encode("utf-8", "replace").decode()  # a lone surrogate has no place in a database
    if not any(letter.isalnum() for letter in made):
        raise InvalidRequest("The document holds no word.", fix="Give its text.", code="document_empty", param="text")
    if not title and kind != "text" and (found := _FIRST_HEADING.search(made[:5_000])) is not None:
        title = found.group(1).strip()
    return made, title[:300]


def _without_front_matter(text: str) -> tuple[str, str]:
    """The title that YAML between two lines ``---`` at the beginning says, and the text without it."""
    if not text.startswith("---\n"):
        return "", text
    end = text.find("\n---\n", 3, _FRONT_MATTER)
    if end < 0:
        return "", text
    title = ""
    for line in text[4:end].split("\n"):
        name, sign, value = line.partition(":")
        if sign and name.strip().lower() == "title":
            title = value.strip().strip("\"'")
    return title, text[end + 5 :]


class _Reader(HTMLParser):
    """Tags that silence are counted, so that a page that never closes one says less, not more."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._parts: list[str] = []
        self._silent: list[str] = []
        self._in_title = False
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._in_title = tag == "title"
        if tag == "body":
            self._silent.clear()  # a page need not close its head
        if tag in _SILENT:
            self._silent.append(tag)
        elif _HEADING.fullmatch(tag):
            self._parts.append(f"\n\n{'#' * int(tag[1])} ")
        elif tag == "li":
            self._parts.append("\n- ")
        elif tag in ("td", "th"):
            self._parts.append(" | ")
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _BLOCKS:
            self._parts.append("\n\n")
        self._pre += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif _HEADING.fullmatch(tag) or (tag in _BLOCKS and tag not in _VOID):
            self._parts.append("\n\n")
        self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = (self.title + data)[:300]
        elif not self._silent:
            self._parts.append(data if self._pre else _BLANKS.sub(" ", data.replace("\n", " ")))

    def text(self) -> str:
        lines = (line.strip(" \t") for line in "".join(self._parts).split("\n"))
        return _LINES.sub("\n\n", "\n".join(lines)).strip()
