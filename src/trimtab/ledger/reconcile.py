"""Our books against a provider's export: day by day and model by model, tokens and money, and why they differ.

Ours come by the hour, because exports cut their days where their maker lives: if another offset from UTC explains the
days much better, it is taken and named. Models are compared without the date in their id, since one side may name a
snapshot and the other the family. Service tiers are compared as far as the export tells them apart. Where a side does
not say something, it is not compared.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.ledger.exports import Export, Line
from trimtab.ledger.service_tiers import of_calls, words_of

CENT: Final = 10**10
"""Picodollars. Consoles round each row to the cent, so sums that are a cent apart agree."""
OFFSETS: Final = range(-12, 15)
MUCH: Final = 0.5
"""Another offset must leave at most this share of what differs in UTC, or it is no explanation."""


class Hour(Struct, frozen=True, array_like=True):
    """Our attempts of one hour (since 1970) and model, those that used something."""

    hour: int
    model: str
    requests: int
    input: int
    cache_read: int
    cache_write: int
    output: int
    cost: str
    unpriced: int
    estimated: int
    tier: str = ""
    told: int = 0
    """Those that are booked at what the provider said in its answer."""


class Ours(Struct, frozen=True, kw_only=True):
    """Our side of one line."""

    requests: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    cost: int = 0
    unpriced: int = 0
    estimated: int = 0
    told: int = 0


class Compared(Struct, frozen=True, kw_only=True):
    """One day, model and service tier (as far as the export tells those apart). ``cost_off`` picodollars, theirs less
    ours; ``agrees`` within the tolerance."""

    day: str
    model: str
    tier: str
    ours: Ours
    theirs: Line
    tokens_off: int
    cost_off: int | None
    agrees: bool
    causes: tuple[str, ...]


class Reconciliation(Struct, frozen=True, kw_only=True):
    """Of every day from the export's first to its last, also of those that it has no row of: nobody was billed then."""

    offset_hours: int
    days: tuple[str, ...]
    lines: tuple[Compared, ...]
    total: Compared
    causes: tuple[str, ...]
    unread_rows: int = 0

    @property
    def agrees(self) -> bool:
        """Every line does, and nothing of the export was left out."""
        return not self.unread_rows and all(line.agrees for line in self.lines)


_DATED: Final = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest|preview)$")
_TURNED: Final = re.compile(r"^claude-(\d+)-(\d+)-(haiku|sonnet|opus)$")
"""Anthropic's earlier ids have the version before the name, its console has it behind."""
Key = tuple[str, str, str]
Span = tuple[str, str]
"""The first and the last day."""
_ASPECT_OF: Final = {"batch": "batch", "fast": "speed", "us": "place", "eu": "place"}
"""What of a tier a word is about; any other: the service."""
_TOKENS: Final = ("input", "cache_read", "cache_write", "output")


def canonical(model: str) -> str:
    """A model's name as both sides can be brought to: ``Claude Sonnet 4.5`` and ``claude-sonnet-4-5-20250929`` are
    one."""
    name = re.sub(r"[\s.]+", "-", model.strip().lower().rsplit("/", 1)[-1])
    return _TURNED.sub(r"claude-\3-\1-\2", _DATED.sub("", _DATED.sub("", name)))


def bounds_of(export: Export) -> tuple[int, int] | None:
    """Unix ms [start, end) that our side must be asked for, wide enough for every offset; None without days."""
    days = _days_of(export)
    if not days:
        return None
    first = datetime.strptime(days[0], "%Y-%m-%d").replace(tzinfo=UTC) - timedelta(days=1)
    last = datetime.strptime(days[-1], "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=2)
    return int(first.timestamp() * 1000), int(last.timestamp() * 1000)


def _days_of(export: Export) -> tuple[str, ...]:
    """The days that it tells of, in order: also those without use."""
    return tuple(sorted({line.day for line in export.lines if line.day} | set(export.idle)))


def reconcile(export: Export, hours: Sequence[Hour], tolerance: float, today: str) -> Reconciliation:
    """Compare. ``hours`` of the time of `bounds_of`; ``today`` is the UTC day it is, which no export has whole."""
    told = _days_of(export)
    by_model = any(line.model for line in export.lines)
    aspects = frozenset[str]().union(*(line.told for line in export.lines))
    hours = [replace(each, tier=_as_told(each.tier, aspects)) for each in hours]
    theirs = _theirs(export, by_model=by_model)
    span = (told[0], told[-1]) if told else None
    offset = _offset(theirs, hours, span, by_model=by_model) if span else 0
    ours = _ours(hours, span, offset, by_model=by_model)
    comparing = _Comparing(tolerance, today, _in_other_tiers(theirs, ours, tolerance) if aspects else frozenset())
    keys = sorted(theirs.keys() | ours.keys())
    lines = tuple(comparing.line(key, ours.get(key), theirs.get(key)) for key in keys)
    total = comparing.line(
        ("", "", ""), _add_ours(ours.values()), _add_theirs(theirs.values()) if theirs else None, alone=False
    )
    return Reconciliation(
        offset_hours=offset,
        days=tuple(sorted({day for day, _, _ in keys} | set(told))),
        lines=lines,
        total=total,
        unread_rows=export.unread_rows,
        causes=(*_overall(lines, offset), *_of_the_file(export, lines)),
    )


def _theirs(export: Export, *, by_model: bool) -> dict[Key, Line]:
    groups: dict[Key, list[Line]] = defaultdict(list)
    for line in export.lines:
        groups[line.day, canonical(line.model) if by_model else "", line.tier].append(line)
    return {key: replace(_add_theirs(lines), day=key[0], model=key[1], tier=key[2]) for key, lines in groups.items()}


def _add_theirs(lines: Iterable[Line]) -> Line:
    """What some line says is summed, what none says stays unsaid."""
    found = list(lines)

    def total(name: str) -> int | None:
        said = [value for line in found if (value := getattr(line, name)) is not None]
        return sum(said) if said else None

    return Line(
        requests=total("requests"),
        input=total("input"),
        cache_read=total("cache_read"),
        cache_write=total("cache_write"),
        output=total("output"),
        cost=total("cost"),
    )


def _ours(hours: Iterable[Hour], span: Span | None, offset: int, *, by_model: bool) -> dict[Key, Ours]:
    groups: dict[Key, list[Hour]] = defaultdict(list)
    for hour in hours:
        day = "" if span is None else _day_of(hour.hour + offset)
        if span is None or span[0] <= day <= span[1]:
            groups[day, canonical(hour.model) if by_model else "", hour.tier].append(hour)
    return {key: _sum(found) for key, found in groups.items()}


def _as_told(tier: str, aspects: frozenset[str]) -> str:
    """One of our tiers as an export would have it that tells these apart."""
    return "+".join(word for word in words_of(of_calls(tier)[0]) if _ASPECT_OF.get(word, "service") in aspects)


def _in_other_tiers(theirs: dict[Key, Line], ours: dict[Key, Ours], tolerance: float) -> frozenset[tuple[str, str]]:
    """Days and models of which both sides have the same tokens, but not in the same tiers."""
    them: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    us: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for (day, model, tier), line in theirs.items():
        them[day, model][tier] = sum(getattr(line, name) or 0 for name in _TOKENS)
    for (day, model, tier), side in ours.items():
        us[day, model][tier] = sum(getattr(side, name) for name in _TOKENS)
    return frozenset(
        place
        for place in them.keys() & us.keys()
        if them[place] != us[place] and _near(sum(them[place].values()), sum(us[place].values()), tolerance)
    )


def _near(one: int, other: int, tolerance: float) -> bool:
    return abs(one - other) <= tolerance * max(abs(one), abs(other))


def _day_of(hour: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)).strftime("%Y-%m-%d")


def _sum(hours: list[Hour]) -> Ours:
    return Ours(
        requests=sum(each.requests for each in hours),
        input=sum(each.input for each in hours),
        cache_read=sum(each.cache_read for each in hours),
        cache_write=sum(each.cache_write for each in hours),
        output=sum(each.output for each in hours),
        cost=sum(int(each.cost) for each in hours),
        unpriced=sum(each.unpriced for each in hours),
        estimated=sum(each.estimated for each in hours),
        told=sum(each.told for each in hours),
    )


def _add_ours(sides: Iterable[Ours]) -> Ours:
    found = list(sides)
    return Ours(**{name: sum(getattr(each, name) for each in found) for name in Ours.__struct_fields__})


def _offset(theirs: dict[Key, Line], hours: Sequence[Hour], span: Span, *, by_model: bool) -> int:
    """Hours from UTC at which the export's days seem to begin: 0 unless another explains much more."""
    if span[0] == span[1] or not theirs:
        return 0  # one day, or none with calls, cannot tell a shift from calls that are missing
    off = {offset: _distance(theirs, _ours(hours, span, offset, by_model=by_model)) for offset in OFFSETS}
    best = min(OFFSETS, key=lambda offset: (off[offset], abs(offset)))
    return best if off[best] <= off[0] * MUCH else 0


def _distance(theirs: dict[Key, Line], ours: dict[Key, Ours]) -> float:
    """How far apart two sides are, by what the export says most plainly."""
    total = 0.0
    for key in theirs.keys() | ours.keys():
        their, our = theirs.get(key, _NOTHING), ours.get(key, Ours())
        if their.input is not None or their.output is not None or their is _NOTHING:
            total += sum(abs((getattr(their, name) or 0) - getattr(our, name)) for name in _TOKENS)
        if their.cost is not None:
            total += abs(their.cost - our.cost) / 10**6
    return total


_NOTHING: Final = Line(requests=0, input=0, cache_read=0, cache_write=0, output=0, cost=0)


_TOLD_OTHERWISE: Final = (
    "told: every call is booked at what the provider said in its answer, and its export says otherwise; ask it why."
)
_MOVED: Final = (
    "tier: the same tokens in other service tiers; calls from before tiers were kept are of the standard one here,"
    " and some answers do not name theirs."
)


class _Comparing:
    def __init__(self, tolerance: float, today: str, moved: frozenset[tuple[str, str]]) -> None:
        self._tolerance = tolerance
        self._today = today
        self._moved = moved

    def line(self, key: Key, ours: Ours | None, theirs: Line | None, *, alone: bool = True) -> Compared:
        our, their = ours or Ours(), theirs or _NOTHING
        known = [name for name in _TOKENS if getattr(their, name) is not None]
        off = {name: getattr(their, name) - getattr(our, name) for name in known}
        cost_off = None if their.cost is None else their.cost - our.cost
        tokens_agree = all(self._near(getattr(our, name), getattr(their, name)) for name in known)
        money_agrees = cost_off is None or abs(cost_off) <= CENT or self._near(our.cost, their.cost or 0)
        causes: list[str] = []
        if not (tokens_agree and money_agrees) and alone:
            causes = self._causes(key, ours, theirs, tokens_agree=tokens_agree and bool(known))
        return Compared(
            day=key[0],
            model=key[1],
            tier=key[2],
            ours=our,
            theirs=their,
            tokens_off=sum(off.values()),
            cost_off=cost_off,
            agrees=tokens_agree and money_agrees,
            causes=tuple(causes),
        )

    def _near(self, one: int, other: int) -> bool:
        return _near(one, other, self._tolerance)

    def _causes(self, key: Key, ours: Ours | None, theirs: Line | None, *, tokens_agree: bool) -> list[str]:
        if key[0] == self._today:
            return ["open_day: this day is not over; neither side has all of it."]
        if not tokens_agree and key[:2] in self._moved:
            return [_MOVED]
        if ours is None:
            return ["missing_here: the provider has calls that did not go through this project, or its name differs."]
        if theirs is None:
            return ["missing_there: not in the export; is it of this account, and of all of its keys and projects?"]
        found: list[str] = []
        if ours.unpriced:
            found.append(f"unpriced: {ours.unpriced} attempts have no known price; set one, then re-price.")
        if ours.estimated:
            found.append(f"estimated: {ours.estimated} attempts were cut off and are counted by us, not the provider.")
        if theirs.requests is not None and theirs.requests != ours.requests:
            more = theirs.requests - ours.requests
            which = "more" if more > 0 else "fewer"
            found.append(f"calls: the provider counts {abs(more)} calls {which} than went through here.")
        if tokens_agree and not ours.unpriced and ours.told == ours.requests:
            found.append(_TOLD_OTHERWISE)
        elif tokens_agree and not ours.unpriced:
            found.append("price: the same tokens at another price; set a dated price that says what you pay.")
        return found or ["unexplained: look at this day's attempts: trimtab costs attempts."]


def _overall(lines: Sequence[Compared], offset: int) -> tuple[str, ...]:
    """What explains differences, each with how many lines it is on, the most frequent first."""
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        for cause in line.causes:
            counts[cause.partition(":")[0]] += 1
    found = [f"{name}: on {count} of {len(lines)} lines" for name, count in sorted(counts.items(), key=lambda c: -c[1])]
    if offset:
        found.insert(0, f"timezone: the export's days begin {offset:+d} h from UTC; compared so.")
    return tuple(found)


def _of_the_file(export: Export, lines: Sequence[Compared]) -> list[str]:
    """What the file itself has to do with it."""
    found: list[str] = []
    if export.unread_rows:
        found.append(f"unread: {export.unread_rows} rows of the export could not be read, and are not compared.")
    if export.open:
        found.append("pages: the export's last page says that there is a next one; ask for that, too.")
    if export.repeated and not all(line.agrees for line in lines):
        found.append(f"repeated: {export.repeated} rows stand in the export again, word for word; each was counted.")
    return found
