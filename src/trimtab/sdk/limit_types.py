"""What the API says of limits and budgets. Amounts are decimal strings: counts, or US dollars; times Unix ms."""

from msgspec import Struct


class Standing(Struct, frozen=True, kw_only=True):
    """One count in force: ``burn_rate`` per hour, ``exhausted`` when the bound is met at that pace."""

    values: dict[str, str]
    used: str
    held: str
    remaining: str
    started: int
    resets: int | None
    burn_rate: str
    exhausted: int | None
    keys: list[str] = []
    """The ids of all keys whose calls it counts; empty where the limit is of no keys."""


class Limit(Struct, frozen=True, kw_only=True):
    name: str
    measure: str
    bound: str
    window: str
    timezone: str
    scope: dict[str, list[str]]
    per: list[str]
    mode: str
    unknown_price: str
    unknown_amount: str
    catalog_down: str
    max_output: int
    cap_output: bool
    headers: bool
    source: str
    standings: list[Standing]
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""


class LimitPage(Struct, frozen=True, kw_only=True):
    items: list[Limit]
    cursor: str | None = None


class LimitEvent(Struct, frozen=True, kw_only=True):
    id: str
    limit: str
    values: dict[str, str]
    kind: str
    at: int
    used: str
    bound: str


class LimitEventPage(Struct, frozen=True, kw_only=True):
    items: list[LimitEvent]
    cursor: str | None = None
