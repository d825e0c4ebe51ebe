"""Putting back what stand-ins stand for, in whole answers and in streams.

A stand-in is what `pii` writes with ``mode: tokenise``: ``[EMAIL_7k3fd2ab]``. Models repeat them unchanged as
a rule; known to happen besides, and undone too: another case, no brackets, an escaped underscore or bracket.
Only stand-ins of this very call are undone: what a text of a stranger made up stays as it is.
"""

import json
import re
from bisect import bisect_left
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
        kinds: set[str] = set()
        sizes: set[int] = set()
        forms: list[str] = []
        for written, text in known.items():
            form = _FORM.fullmatch(written)
            name = _plain(written)
            self._texts[name] = text
            forms.append(f"[{name}]" if form else name)
            if form:
                forms.append(name)
                kinds.add(_spread(form[1]))
                sizes.add(len(form[2]))
            else:
                ways.append(re.escape(written))
        if kinds:  # one pattern for all of them, however many there are: which it is, a dict knows
            marks = "|".join(rf"[a-z0-9]{{{size}}}" for size in sorted(sizes))
            core = rf"(?:{'|'.join(sorted(kinds))})\\?_(?:{marks})"
            ways += [rf"\\?\[ ?{core} ?\\?\]", rf"(?<![\w\\]){core}(?!\w)"]
        self._forms = sorted(forms)
        self._pattern = re.compile("|".join(ways) or "(?!)", re.IGNORECASE)
        self._longest = max((len(form) for form in self._forms), default=0) + SLACK

    def restored(self, text: str) -> str:
        return self._pattern.sub(self._text_of, text) if self._texts else text

    def restored_json(self, text: str) -> str:
        """Within the strings of a JSON text: what is put back is escaped as they are."""
        if not self._texts:
            return text
        unescaped = text.replace("\\\\_", "_").replace("\\\\[", "[").replace("\\\\]", "]")
        return self._pattern.sub(self._json_of, unescaped)

    def _json_of(self, match: re.Match[str]) -> str:
        name = _plain(match[0])
        return json.dumps(self._texts[name])[1:-1] if name in self._texts else match[0]

    def _text_of(self, match: re.Match[str]) -> str:
        """What it stands for; itself where it is no stand-in of this call."""
        return self._texts.get(_plain(match[0]), match[0])

    def stream(self) -> "Restoring":
        return Restoring(self)

    def settled(self, text: str) -> int:
        """How many characters at the beginning of a text cannot be part of a stand-in that goes on behind its end."""
        least = max(0, len(text) - self._longest)
        for place in range(least, len(text)):
            begun = _plain(text[place:], brackets=True)
            at = bisect_left(self._forms, begun)
            if at < len(self._forms) and self._forms[at].startswith(begun):
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
