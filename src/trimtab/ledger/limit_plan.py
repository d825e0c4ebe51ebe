"""What limits must know of a call, and the rules that the calls of one key to one name fall under, compiled."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trimtab.ledger.held import Counter, Held
from trimtab.ledger.limits import Rule
from trimtab.ledger.worst import Worst

REQUESTS, CONCURRENCY, TOKENS, MONEY = 0, 1, 2, 3
KINDS = {"requests": REQUESTS, "concurrency": CONCURRENCY, "tokens": TOKENS, "money": MONEY}


class Priced(Struct, frozen=True):
    """One target a call may go to: our name of the model, its provider, the provider's id, and what it may cost at
    most (None: no price is known)."""

    model: str
    provider: str
    upstream: str
    worst: Worst | None


Worsts = tuple[Worst, ...] | None
"""What the targets of a call may cost, each price once; None where one of them is not known."""


def worsts_of(targets: Sequence[Priced]) -> Worsts:
    found: list[Worst] = []
    for target in targets:
        if target.worst is None:
            return None
        if target.worst not in found:
            found.append(target.worst)
    return tuple(found)


class Facts(Struct):
    """What limits must know of a call. ``output_tokens`` is the caller's own bound; None where it set none."""

    key: str
    app: str
    feature: str
    user: str
    targets: Sequence[Priced]
    input_tokens: int
    output_tokens: int | None
    choices: int
    now_ns: int


class Entry:
    """A rule as it applies to the calls of one key to one name."""

    __slots__ = (
        "counter",
        "counters",
        "features",
        "kind",
        "measure",
        "models",
        "name",
        "per",
        "plain",
        "project",
        "providers",
        "rule",
        "series",
        "soft",
        "targeted",
        "users",
    )

    def __init__(self, project: str, rule: Rule, series: str, counter: Counter | None) -> None:
        scope = rule.scope
        self.project = project
        self.rule = rule
        self.name = rule.name
        self.measure = rule.measure
        self.series = series
        self.counter = counter
        self.kind = KINDS[rule.measure]
        self.soft = rule.mode == "soft"
        self.per = rule.per
        self.features = frozenset(scope.feature) or None
        self.users = frozenset(scope.user) or None
        self.models = frozenset(scope.model) or None
        self.providers = frozenset(scope.provider) or None
        self.targeted = bool(self.models or self.providers or {"model", "provider"} & set(rule.per))
        self.plain = counter is not None and not (self.soft or self.targeted or self.features or self.users)
        self.counters: dict[tuple[str, str], Counter] = {}

    def is_about(self, facts: Facts) -> bool:
        """Whether what the client says of itself is in the rule's scope."""
        return (self.features is None or facts.feature in self.features) and (
            self.users is None or facts.user in self.users
        )


class Part(Struct):
    """What one call has of one counter. ``targets`` are the (provider, id) pairs it is about; None for all. ``extra``
    was reserved for further attempts; ``used`` is what it came to; ``names`` are the targets' own, for the record."""

    entry: Entry
    held: Held
    kind: int
    need: int
    targets: frozenset[tuple[str, str]] | None = None
    extra: int = 0
    used: int = 0
    names: tuple[str, ...] = ()


Needs = tuple[int, int, int, int]
"""How much of what is counted, by kind."""
Ready = tuple[tuple["Entry", Held, int], ...]
"""Rules with the slice that each takes from now, and what it counts."""


class Plan:
    """The rules of one key's calls to one name, compiled. ``key`` is what it is counted as. ``targeted`` where a rule
    looks at the targets; ``sized`` where one counts tokens or money; ``lenient`` where each of those counts money, and
    lets pass what has no price.

    ``ordinary`` where each rule is hard and always counts in the same place. Then ``ready`` are these places, from
    ``begins`` until ``ends`` (Unix ns) as long as the keeper's ``turn`` is the same; `Limiter.reserve_now` looks them
    up."""

    __slots__ = (
        "at_once",
        "begins",
        "cap",
        "ends",
        "entries",
        "headers",
        "key",
        "lenient",
        "money",
        "most_output",
        "ordinary",
        "ready",
        "sized",
        "soft",
        "targeted",
        "turn",
    )

    def __init__(self, entries: list[Entry], key: str) -> None:
        self.key = key
        hard = [entry for entry in entries if not entry.soft]
        self.entries = entries
        self.soft = len(hard) != len(entries)
        self.targeted = any(entry.targeted for entry in entries)
        self.money = any(entry.kind == MONEY for entry in hard)
        sized = [entry.rule for entry in hard if entry.kind >= TOKENS]
        self.sized = bool(sized)
        self.lenient = all(rule.measure == "money" and rule.unknown_price != "refuse" for rule in sized)
        self.most_output = min((rule.max_output for rule in sized), default=0)
        self.cap = any(rule.cap_output for rule in sized)
        self.headers = any(entry.rule.headers for entry in entries)
        self.ordinary = all(entry.plain for entry in entries)
        self.at_once = any(entry.kind == CONCURRENCY for entry in entries)
        self.ready: Ready = ()
        self.turn = -1
        self.begins = self.ends = 0


class ProjectLimits(Struct, frozen=True, kw_only=True):
    """A project's rules as the snapshot has them. ``key_names`` gives keys' names by id: scopes may use either.
    ``aliases`` and ``counts_as`` are of keys that took the place of others (`governance.store.KeyRow`)."""

    project_id: str
    rules: tuple[Rule, ...]
    key_names: Mapping[str, str] = {}
    aliases: Mapping[str, tuple[str, ...]] = {}
    counts_as: Mapping[str, str] = {}
