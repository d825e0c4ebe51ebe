"""Completion of a search while it is typed: keys, their values with how often they occur, and what joins conditions.

What is offered for values comes from the newest calls of the window, a bounded number of them, so that an answer comes
at once however much there is; it is of the project alone, as every statement binds it.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, Protocol, TypeVar

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.key_names import KeyNames, NamedKey
from trimtab.telemetry.search.aggregate_views import Of
from trimtab.telemetry.search.keys import KEYS, Values, presence
from trimtab.telemetry.search.named import AGENT_OR_NONE, TOOL_OR_NONE
from trimtab.telemetry.search.query import Condition, compile_query, window_params
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
MAX_ITEMS: Final = 20
LOOKED_AT: Final = 50_000
"""Of how many of the newest rows values are offered."""

Kind = Literal["key", "value", "operator"]


class CompletionItem(Struct, frozen=True, kw_only=True):
    """``text`` takes the place of what is between ``start`` and ``end`` of the `Completion`. ``done``: the condition is
    then whole; otherwise typing goes on. ``count`` is of a value among the newest calls, null where not counted."""

    text: str
    label: str
    about: str
    kind: Kind
    done: bool
    count: int | None = None


class Completion(Struct, frozen=True, kw_only=True):
    """``start`` and ``end`` count characters of ``q`` from 0."""

    start: int
    end: int
    items: list[CompletionItem]


class Asker(Protocol):
    """What answers statements, and knows names of keys: `reader.TelemetryReader`."""

    key_names: KeyNames

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...


class Typed(Struct, frozen=True):
    """The word that the cursor is in: ``key`` is None while a key is typed, ``text`` what is typed of it or of a value,
    ``sign`` a dash before it, ``others`` the search without it."""

    start: int
    end: int
    sign: str
    key: str | None
    text: str
    others: str


def typed(q: str, cursor: int) -> Typed:
    """Where the cursor is. Quotes and the parentheses after a key hold words together."""
    cursor = max(0, min(cursor, len(q)))
    start = _start(q, cursor)
    word = q[start:cursor]
    rest = re.match(r"[^\s()\"]*", q[cursor:])
    end = cursor + (rest.end() if rest else 0)
    sign = "-" if word.startswith("-") else ""
    bare = word.removeprefix("-")
    key, colon, text = bare.partition(":")
    others = f"{q[:start]} {q[end:]}".strip()
    if not colon:
        return Typed(start, end, sign, None, bare, others)
    inside = max((found.end() for found in _BETWEEN.finditer(text) if found[0][0] != '"'), default=0)
    at = start + len(word) - len(text) + inside
    return Typed(at, end, sign, key, _meant(text[inside:]), others)


_BETWEEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\(\s*|\sOR\s+', re.DOTALL)
"""What stands between the values of one key, or a phrase in which nothing does."""


def _meant(text: str) -> str:
    """What a value means as far as it is typed: in quotes a backslash takes the next sign literally."""
    return re.sub(r'\\(["\\])', r"\1", text[1:]) if text.startswith('"') else text


def _start(q: str, cursor: int) -> int:
    """Where the word begins that ends at the cursor."""
    start = 0
    quoted = False
    depth = 0
    at = 0
    while at < cursor:
        char = q[at]
        if char == "\\" and quoted:
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted and char == "(":
            if at > 0 and q[at - 1] == ":":
                depth += 1
            elif depth == 0:
                start = at + 1
        elif not quoted and char == ")":
            depth = max(0, depth - 1)
            start = at + 1 if depth == 0 else start
        elif not quoted and depth == 0 and char.isspace():
            start = at + 1
        at += 1
    return min(start, cursor)


async def complete(asker: Asker, project: str, q: str, cursor: int, window: Window, of: Of = "traces") -> Completion:
    """What could be typed there. Raises `Unavailable`; a search that does not parse is completed all the same."""
    word = typed(q, cursor)
    offers = _Offers(asker, project, window, of)
    items = await (offers.keys(word) if word.key is None else offers.values(word))
    return Completion(start=word.start, end=word.end, items=items[:MAX_ITEMS])


_WORDS: Final = {"OR": "either side", "AND": "both sides, as without it", "NOT": "all but what follows"}
_MORE: Final = {
    "has": "there is a value: has:error, has:score.helpful",
    "feedback": "scores that people gave: feedback:<0.5",
    "score.": "a score: score.helpful:<0.5",
    "meta.": "your own metadata: meta.team:red",
}
_SIGNS: Final = {">": "more than", "<": "less than", ">=": "at least", "<=": "at most"}


class _Offers:
    """What there is of one project in one window."""

    def __init__(self, asker: Asker, project: str, window: Window, of: Of) -> None:
        self._ask = asker.ask
        self._names = asker.key_names
        self._project = project
        self._window = window
        self._of: Of = of

    # --- keys ---

    async def keys(self, word: Typed) -> list[CompletionItem]:
        low = word.text.lower()
        if low.startswith("meta."):
            names = await self._top("arrayJoin(mapKeys(metadata))", word.text[len("meta.") :])
            return [_key_item(word, f"meta.{name}", "", count) for name, count in names]
        if low.startswith("score."):
            names = await self._scores("name", "1", {}, word.text[len("score.") :])
            return [_key_item(word, f"score.{name}", "", count) for name, count in names]
        known = {**{key: found.about for key, found in KEYS.items()}, **_MORE}
        first = [key for key in known if key.startswith(low)]
        told = [key for key, about in known.items() if len(low) > 2 and low in about and key not in first]
        found = [_key_item(word, key, known[key]) for key in (*first, *told)]
        joins = [name for name in _WORDS if low and word.others and not word.sign and name.startswith(word.text)]
        return found + [
            CompletionItem(text=f"{name} ", label=name, about=_WORDS[name], kind="operator", done=False)
            for name in joins
        ]

    # --- values ---

    async def values(self, word: Typed) -> list[CompletionItem]:
        key = word.key or ""
        prefix, _, name = key.partition(".")
        if name and prefix in ("meta", "metadata"):
            column = "metadata[{name:String}]"
            return _counted(await self._top(column, word.text, {"name": name}, word.others))
        if name and prefix == "score":
            found = await self._scores("label", "name = {name:String}", {"name": name}, word.text)
            return [*_signs(word, f"{key}:<0.5"), *_counted(found)]
        key = key.lower()
        if key == "feedback":
            found = await self._scores("label", "source IN ('human', 'user')", {}, word.text)
            return [*_signs(word, "feedback:<0.5"), *_counted(found)]
        if key == "has":
            return _presences(word)
        return await self._of_key(word, key)

    async def _of_key(self, word: Typed, key: str) -> list[CompletionItem]:
        found = KEYS.get(key)
        if found is None:
            return []
        if found.choices:
            return [_value_item(value) for value in found.choices if word.text.lower() in value]
        if found.shape != "text":
            return _signs(word, found.example)
        if key in ("tool", "agent"):
            called = TOOL_OR_NONE if key == "tool" else AGENT_OR_NONE
            return _counted(await self._top(called, word.text, every=True))
        if key == "name":
            return _counted(await self._top("name", word.text, every=True))
        if key == "key":
            return await self._api_keys(word)
        if not found.column:
            return []
        column = f"arrayJoin({found.column})" if found.array else found.column
        return _counted(await self._top(column, word.text, {}, word.others))

    async def _api_keys(self, word: Typed) -> list[CompletionItem]:
        """Keys that called, by their names where they have one: several of one name are one offer, as they are one
        condition."""
        counted = await self._top("key_id", "", {}, word.others, most=LOOKED_AT)
        names = {key.id: key for key in await self._names.of(self._project)}
        offers: dict[str, list[tuple[str, int]]] = {}
        for key_id, count in counted:
            known = names.get(key_id)
            offers.setdefault(known.name if known and known.name else key_id, []).append((key_id, count))
        low = word.text.strip("*").lower()
        found = [
            _value_item(name, sum(count for _, count in calls), about=_of_keys(name, calls, names))
            for name, calls in offers.items()
            if low in name.lower() or any(low in key_id for key_id, _ in calls)
        ]
        return sorted(found, key=lambda item: -(item.count or 0))

    async def _top(
        self,
        column: str,
        text: str,
        params: Mapping[str, Value] | None = None,
        others: str = "",
        *,
        every: bool = False,
        most: int = MAX_ITEMS,
    ) -> list[tuple[str, int]]:
        """The most frequent values that hold what is typed, of the newest rows that the rest of the search finds; of
        ``every`` span, where entry spans hardly have any."""
        condition = self._condition(others, "spans" if every else self._of)
        sql = (
            f"SELECT value, count() AS calls FROM (SELECT {column} AS value FROM spans WHERE {condition.sql}"  # noqa: S608
            f" ORDER BY start_ns DESC LIMIT {LOOKED_AT}) WHERE value != '' AND {_HOLDS}"
            f" GROUP BY value ORDER BY calls DESC, value LIMIT {most}"
        )
        return await self._ask(tuple[str, int], sql, {**condition.params, **(params or {}), "typed": text.strip("*")})

    def _condition(self, others: str, of: Of) -> Condition:
        """That of the rest of the search, where it parses and does not look into texts."""
        try:
            found = compile_query(others, self._project, self._window, of)
        except InvalidRequest:
            found = None
        if found is None or found.far:
            return compile_query("", self._project, self._window, of)
        return found

    async def _scores(self, column: str, which: str, params: Mapping[str, Value], text: str) -> list[tuple[str, int]]:
        sql = (
            f"SELECT value, count() AS calls FROM (SELECT {column} AS value FROM scores FINAL"  # noqa: S608
            f" WHERE project = {{project:String}} AND at_ns >= {{start_ns:Int64}} AND valid = 1 AND {which}"
            f" LIMIT {LOOKED_AT}) WHERE value != '' AND {_HOLDS}"
            f" GROUP BY value ORDER BY calls DESC, value LIMIT {MAX_ITEMS}"
        )
        bound: dict[str, Value] = {"project": self._project, **window_params(self._window), **params, "typed": text}
        return await self._ask(tuple[str, int], sql, bound)


_HOLDS: Final = "positionCaseInsensitiveUTF8(value, {typed:String}) > 0"


def _key_item(word: Typed, key: str, about: str, count: int | None = None) -> CompletionItem:
    text = f"{word.sign}{key}{'' if key.endswith('.') else ':'}"
    example = KEYS[key].example if key in KEYS else ""
    told = f"{about}: {example}" if example else about
    return CompletionItem(text=text, label=text, about=told, kind="key", done=False, count=count)


def _presences(word: Typed) -> list[CompletionItem]:
    values = Values()
    names = ["error", "feedback", "score", *(name for name in KEYS if name != "error" and presence(name, values))]
    return [_value_item(name) for name in names if word.text.lower() in name]


def _signs(word: Typed, example: str) -> list[CompletionItem]:
    """What to compare with, until a number is typed."""
    if word.text:
        return []
    return [
        CompletionItem(text=sign, label=sign, about=f"{about}, e.g. {example}", kind="operator", done=False)
        for sign, about in _SIGNS.items()
    ]


def _counted(found: list[tuple[str, int]]) -> list[CompletionItem]:
    return [_value_item(value, count) for value, count in found]


def _value_item(value: str, count: int | None = None, *, about: str = "") -> CompletionItem:
    return CompletionItem(text=literal(value), label=value, about=about, kind="value", done=True, count=count)


def _of_keys(name: str, calls: list[tuple[str, int]], names: Mapping[str, NamedKey]) -> str:
    """What tells keys of one name apart from one key."""
    if len(calls) > 1:
        return f"{len(calls)} keys of this name"
    [(key_id, _)] = calls
    if name == key_id:
        return ""
    return f"{key_id}, revoked" if names[key_id].ended else key_id


_PLAIN = re.compile(r"(?![-<>=!“”„‟«»])[^\s\"()*\\]+(?<![“”„‟«»])")


def literal(value: str) -> str:
    """Text that means exactly this value: in quotes where it would mean more without."""
    if _PLAIN.fullmatch(value) and value not in ("OR", "AND", "NOT") and ".." not in value:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
