"""What a terminal is shown of texts that others wrote: names of spans, errors and messages may hold its commands.

A terminal obeys what it reads: a span that is called ``ESC ] 52 ; ...`` fills the clipboard, others hide lines or set
the window's title. On a terminal such characters are shown as JSON writes them (``\\u001b``), so that JSON stays JSON.
A pipe or a file gets every byte as it is.
"""

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TextIO

_UNSAFE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
"""Control characters but for the line's end and the tabulator, and those that turn the direction of what is beside."""
_ANY = re.compile(_UNSAFE)
_BUT_COLOURS = re.compile(rf"(\x1b\[(?:[0-2]|3[0-7]|39|9[0-7])?m)|{_UNSAFE}")
"""Colours, bold and dim are ours as often as theirs, and only look otherwise."""


def visible(text: str) -> str:
    """The text with nothing in it that a terminal obeys."""
    return _ANY.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


class _Screen:
    """A stream on a terminal, all else of which is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(_BUT_COLOURS.sub(lambda found: found[1] or _shown(found), text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def guarded() -> Generator[None]:
    """Within it, what is written to standard output and standard error is made `visible` where they are terminals."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Screen(each) if each.isatty() else each for each in before)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def plain(stream: TextIO) -> TextIO:
    """The stream itself, for whoever moves the cursor: no text of others may be written to it."""
    return stream.stream if isinstance(stream, _Screen) else stream
