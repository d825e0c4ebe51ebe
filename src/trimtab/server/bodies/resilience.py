"""Bodies of the API for resilience: policies, and how targets fare on this worker."""

from typing import Literal

from msgspec import Struct

from trimtab.gateway.policy import Policy
from trimtab.gateway.policy_store import Priority, Subject
from trimtab.gateway.staying_up.breaker import State
from trimtab.server.bodies.common import ExpectedRevision


class PutPolicy(Policy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    expected_revision: ExpectedRevision = None


class ResilienceView(Struct, frozen=True, kw_only=True):
    """The policy of a provider or of a model. One from the config file is edited there, and has no ``updated``."""

    subject: Subject
    name: str
    policy: Policy
    source: Literal["config", "catalog"]
    updated: int | None
    revision: int


class ResiliencePage(Struct, frozen=True, kw_only=True):
    """``defaults`` is what holds for a provider or model that is not in the list."""

    items: list[ResilienceView]
    defaults: Policy
    cursor: str | None = None


class KeyPriorityBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """The highest priority that calls of a key may ask for; ``high`` is no bound. ``expected_highest``: what it is to
    have been so far; it is refused (409) where it is another by now."""

    highest: Priority
    expected_highest: Priority | None = None


class KeyPriorityView(Struct, frozen=True, kw_only=True):
    key: str
    highest: Priority


class TargetKeyView(Struct, frozen=True, kw_only=True):
    """One of a provider's keys as used for one model. ``set_aside_s``: seconds until it is used again, 0 now; ``why``
    it is not. ``hint`` is its last four characters."""

    hint: str
    in_flight: int
    set_aside_s: float
    why: str


class TargetView(Struct, frozen=True, kw_only=True):
    """A model at its provider as this worker has seen it since it started. ``latency_ms`` is the peak EWMA of the time
    to the first token as of the last answer, ``p95_ms`` the 95th percentile of the last ones; both null where too
    little is known. ``opens_again_s`` is how long the breaker stays open. ``waiting`` calls are in the queue for a
    place."""

    provider: str
    model: str
    in_flight: int
    waiting: int
    answered: int
    failed: int
    latency_ms: float | None
    p95_ms: float | None
    breaker: State
    opens_again_s: float
    openings: int
    keys: list[TargetKeyView]


class TargetPage(Struct, frozen=True, kw_only=True):
    items: list[TargetView]
    cursor: str | None = None
