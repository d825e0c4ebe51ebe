"""Putting back what stand-ins stand for, in whole answers and in streams.

A stand-in is what `pii` writes with ``mode: tokenise``: ``[EMAIL_7k3fd2ab]``. Models repeat them unchanged as
a rule; known to happen besides, and undone too: another case, no brackets, an escaped underscore or bracket.
Only stand-ins of this very call are undone: what a text of a stranger made up stays as it is.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

_FORM: Final = re.compile(r"\[([A-Z][A-Z0-9_]*)_([a-z0-9]+)\]")
SLACK: Final = 6
"""Characters that escapes and spaces may add to a stand-in."""


class StandIns:
    """``known``: stand-in to text, of one call."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._texts: dict[str, str] = {}
        ways: list[str] = []
        self._forms: list[str] = []
        for written, text in known.items():
            form = _FORM.fullmatch(written)
            name = _plain(written)
            self._texts[name] = text
            self._forms.append(f"[{name}]" if form else name)
            if form:
                self._forms.append(name)
                core = rf"{_spread(form[1])}\\?_{re.escape(form[2])}"
                ways += [rf"\\?\[ ?{core} ?\\?\]", rf"(?<![\w\\]){core}(?!\w)"]
            else:
                ways.append(re.escape(written))
        self._pattern = re.compile("|".join(ways) or "(?!)", re.IGNORECASE)
        self._longest = max((len(form) for form in self._forms), default=0) + SLACK

    def restored(self, text: str) -> str:
        return self._pattern.sub(lambda match: self._texts[_plain(match[0])], text) if self._texts else text

    def restored_json(self, text: str) -> str:
        """Within the strings of a JSON text: what is put back is escaped as they are."""
        if not self._texts:
            return text
        unescaped = text.replace("\\\\_", "_").replace("\\\\[", "[").replace("\\\\]", "]")
        return self._pattern.sub(lambda match: json.dumps(self._texts[_plain(match[0])])[1:-1], unescaped)

    def stream(self) -> "Restoring":
        return Restoring(self)

    def settled(self, text: str) -> int:
        """How many characters at the beginning of a text cannot be part of a stand-in that goes on behind its end."""
        least = max(0, len(text) - self._longest)
        for place in range(least, len(text)):
            begun = _plain(text[place:], brackets=True)
            if any(form.startswith(begun) for form in self._forms):
                return place
        return len(text)


class Restoring:
    """One stream: `feed` gives what may leave, `end` the rest. What is held is shorter than the longest stand-in."""

    def __init__(self, known: StandIns) -> None:
        self._known = known
        self._held = ""

    def feed(self, text: str) -> str:
        self._held += text
        place = self._known.settled(self._held)
        gone, self._held = self._held[:place], self._held[place:]
        return self._known.restored(gone)

    def end(self) -> str:
        gone, self._held = self._held, ""
        return self._known.restored(gone)


def _spread(kind: str) -> str:
    return r"\\?_".join(re.escape(part) for part in kind.split("_"))


def _plain(written: str, *, brackets: bool = False) -> str:
    """One form of all ways to write a stand-in; ``brackets`` are kept for telling whether one has begun."""
    bare = written.casefold().replace("\\", "").replace(" ", "")
    return bare if brackets else bare.removeprefix("[").removesuffix("]")
