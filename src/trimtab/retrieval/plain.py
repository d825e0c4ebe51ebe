"""What a file says: HTML as Markdown (headings, lists and paragraphs kept, scripts and styles left out), other texts as
they are with line ends and characters made alike.

Nothing is fetched and nothing is run. The scanner looks at each character a bounded number of times, whatever a page
leaves open: Python's own parser takes minutes for some pages of 300 KB.
"""

import re
import unicodedata
from collections import Counter
from html import unescape
from typing import Final

from trimtab.core.errors import InvalidRequest
from trimtab.retrieval import words
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
_FIRST_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.{0,199}?)[ \t]*#*$", re.MULTILINE)
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,99})")
_TAG_END: Final = re.compile(r"""(?:[^>=]|=\s*"[^"]*"|=\s*'[^']*'|=)*+>""")
"""Attributes: a ``>`` within quotes ends no tag (https://html.spec.whatwg.org/multipage/parsing.html#tokenization)."""
_RAW: Final = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in ("script", "style")}
_LONG_NUMBER: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")


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
        reader.read(text)
        text, title = reader.text(), reader.title.strip()
    elif kind == "markdown":
        title, text = _without_front_matter(text.replace("\r\n", "\n"))
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    made = unicodedata.normalize("NFC", words.stream_safe(text))
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


class _Reader:
    """Tags that silence are counted, so that a page that never closes one says less, not more."""

    def __init__(self) -> None:
        self.title = ""
        self._parts: list[str] = []
        self._silent: list[str] = []
        self._open: Counter[str] = Counter()
        """How often each is among the silent ones."""
        self._in_title = False
        self._pre = 0

    def read(self, text: str) -> None:
        at, end = 0, len(text)
        while at < end:
            mark = text.find("<", at)
            mark = end if mark < 0 else mark
            if mark > at:
                self._data(text[at:mark])
            at = self._mark(text, mark) if mark < end else end

    def _mark(self, text: str, at: int) -> int:
        """What begins with ``<``; where to go on. What is not ended goes to the end of the page."""
        tag = _TAG.match(text, at)
        if tag is None:
            if text.startswith("<!--", at):
                return _behind(text, "-->", at + 2)
            if text[at + 1 : at + 2] in ("!", "?", "/") and at + 1 < len(text):
                return _behind(text, ">", at + 2)
            self._data("<")
            return at + 1
        ended = _TAG_END.match(text, tag.end())
        if ended is None:
            return len(text)
        name = tag.group(2).lower()
        if tag.group(1):
            self._ends(name)
            return ended.end()
        self._begins(name)
        if name in _RAW:
            raw = _RAW[name].search(text, ended.end())
            return len(text) if raw is None else raw.start()
        return ended.end()

    def _begins(self, tag: str) -> None:
        self._in_title = tag == "title"
        if tag == "body":
            self._silent.clear()  # a page need not close its head
            self._open.clear()
        if tag in _SILENT:
            self._silent.append(tag)
            self._open[tag] += 1
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

    def _ends(self, tag: str) -> None:
        self._in_title = False
        if self._open[tag]:
            closed = ""
            while closed != tag:
                closed = self._silent.pop()
                self._open[closed] -= 1
        elif _HEADING.fullmatch(tag) or (tag in _BLOCKS and tag not in _VOID):
            self._parts.append("\n\n")
        self._pre -= tag == "pre" and self._pre > 0

    def _data(self, raw: str) -> None:
        if self._silent and not self._in_title:
            return
        data = unescape(_LONG_NUMBER.sub("\ufffd", raw)) if "&" in raw else raw
        if self._in_title:
            self.title = (self.title + data)[:300]
        else:
            self._parts.append(data if self._pre else _BLANKS.sub(" ", data.replace("\n", " ")))

    def text(self) -> str:
        lines = (line.strip(" \t") for line in "".join(self._parts).split("\n"))
        return _LINES.sub("\n\n", "\n".join(lines)).strip()


def _behind(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)
