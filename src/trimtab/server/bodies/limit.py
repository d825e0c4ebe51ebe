"""Bodies of the management API about limits and budgets.

Amounts are decimal strings: a count, or US dollars where the measure is money. Times are Unix milliseconds.
"""

from typing import Literal

from msgspec import Struct

from trimtab.ledger.limit_store import EventKind
from trimtab.ledger.limits import MAX_OUTPUT, Dimension, Measure, Mode, UnknownPrice, WhenAway
from trimtab.ledger.windows import Window
from trimtab.server.bodies.common import ExpectedRevision


class ScopeBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of every list that is not empty the call's value must be one. Keys by id or name."""

    key: list[str] = []
    app: list[str] = []
    feature: list[str] = []
    user: list[str] = []
    model: list[str] = []
    provider: list[str] = []


class LimitBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule, whole. ``window`` is left out for concurrency. ``catalog_down`` null: refuse for money, else allow."""

    measure: Measure
    bound: str
    window: Window = "none"
    timezone: str = "UTC"
    scope: ScopeBody | None = None
    per: list[Dimension] = []
    mode: Mode = "hard"
    unknown_price: UnknownPrice = "refuse"
    unknown_amount: str = "0"
    catalog_down: WhenAway | None = None
    max_output: int = MAX_OUTPUT
    cap_output: bool = True
    headers: bool = False


class PutLimit(LimitBody, kw_only=True, forbid_unknown_fields=True):
    expected_revision: ExpectedRevision = None


class NewLimit(LimitBody, kw_only=True, forbid_unknown_fields=True):
    name: str


class StandingView(Struct, frozen=True, kw_only=True):
    """One count in force now. ``values`` are those of the rule's ``per`` dimensions; ``keys`` the ids of all keys whose
    calls it counts, with those that took their places, and empty where the rule is of no keys. ``remaining`` is the
    bound without what is used; ``held`` the part of it that is reserved by calls under way or at hand in workers.
    ``burn_rate`` is per hour, since the window began (over the whole window, where it rolls); ``exhausted`` is when the
    bound is met at that pace, null where the window ends first."""

    values: dict[str, str]
    keys: list[str]
    used: str
    held: str
    remaining: str
    started: int
    resets: int | None
    burn_rate: str
    exhausted: int | None


class LimitView(Struct, frozen=True, kw_only=True):
    """``standings``: at most 20 counts, those with most used first."""

    name: str
    measure: Measure
    bound: str
    window: Window
    timezone: str
    scope: ScopeBody
    per: list[Dimension]
    mode: Mode
    unknown_price: UnknownPrice
    unknown_amount: str
    catalog_down: WhenAway
    max_output: int
    cap_output: bool
    headers: bool
    source: Literal["config", "catalog"]
    revision: int
    standings: list[StandingView]


class LimitPage(Struct, frozen=True, kw_only=True):
    items: list[LimitView]
    cursor: str | None = None


class BurnPoint(Struct, frozen=True, kw_only=True):
    """``used`` until ``at``."""

    at: int
    used: str


class BurnDown(Struct, frozen=True, kw_only=True):
    """How one count came to what it is, from the books: ``points`` from ``started`` until now, every ``step_ms``."""

    limit: str
    measure: Measure
    bound: str
    started: int
    resets: int
    step_ms: int
    points: list[BurnPoint]


class LimitEventView(Struct, frozen=True, kw_only=True):
    """``soft_reached``: a soft limit is over its bound; ``exhausted``: a hard one refused for the first time in its
    window; ``overdraft``: more was spent than the bound, by an answer longer than was asked for or on trust while the
    counts could not be reached; ``larger``: a call alone might have used more (``used``) than the whole bound, told
    once a day."""

    id: str
    limit: str
    values: dict[str, str]
    kind: EventKind
    at: int
    used: str
    bound: str


class LimitEventPage(Struct, frozen=True, kw_only=True):
    items: list[LimitEventView]
    cursor: str | None = None
