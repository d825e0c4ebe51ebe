"""Bodies of the management API about forwarding closed traces. Times are Unix milliseconds."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trimtab.server.bodies.common import ExpectedRevision
from trimtab.telemetry.forward.store import EventState
from trimtab.telemetry.forward.types import Content, Kind, Verdict

Name = Annotated[str, Meta(max_length=63)]
Url = Annotated[str, Meta(max_length=2000)]
Secret = Annotated[str, Meta(max_length=500)]
Filter = Annotated[str, Meta(max_length=4000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Quiet = Annotated[float, Meta(ge=1, le=3600)]
RootWait = Annotated[float, Meta(ge=1, le=86_400)]
Texts = Annotated[dict[str, str], Meta(max_length=50)]


class NewForward(Struct, kw_only=True, forbid_unknown_fields=True):
    """``url``: http(s) for otlp and webhook, ``kafka://host:port,host:port/topic`` for kafka. ``secret`` signs a
    webhook; ``headers`` are sent with otlp and webhook; ``options`` are librdkafka's. ``filter`` is a search,
    ``sample`` the share of traces, by trace id. Seconds: ``quiet_s`` until a trace with its root counts as closed,
    ``root_wait_s`` until one without is given up."""

    name: Name
    kind: Kind
    url: Url
    content: Content = "off"
    filter: Filter = ""
    sample: Share = 1.0
    quiet_s: Quiet = 10.0
    root_wait_s: RootWait = 120.0
    enabled: bool = True
    headers: Texts = {}
    secret: Secret = ""
    options: Texts = {}


class ForwardPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. A header or option sent back masked keeps its value."""

    url: Url | UnsetType = UNSET
    content: Content | UnsetType = UNSET
    filter: Filter | UnsetType = UNSET
    sample: Share | UnsetType = UNSET
    quiet_s: Quiet | UnsetType = UNSET
    root_wait_s: RootWait | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    headers: Texts | UnsetType = UNSET
    secret: Secret | UnsetType = UNSET
    options: Texts | UnsetType = UNSET
    expected_revision: ExpectedRevision = None


class ForwardView(Struct, frozen=True, kw_only=True):
    """``standing``: ``paused``; ``idle``, nobody serves it yet; ``well``; ``failing``, it is left alone until
    ``next_try``. ``lag`` is how long the oldest of what is due has waited, in ms. Counts are since it was made:
    ``passed_over`` by filter or sample, ``failed`` ever; ``failed_now`` and ``retrying`` are events that are kept."""

    name: str
    kind: Kind
    url: str
    content: Content
    filter: str
    sample: float
    quiet_s: float
    root_wait_s: float
    enabled: bool
    headers: dict[str, str]
    secret_hint: str
    options: dict[str, str]
    source: Literal["catalog", "config"]
    standing: Literal["paused", "idle", "well", "failing"]
    problem: str
    delivered: int
    failed: int
    passed_over: int
    retrying: int
    failed_now: int
    lag: int
    tries: int
    next_try: int | None
    last_delivered: int | None
    revision: int


class ForwardPage(Struct, frozen=True, kw_only=True):
    items: list[ForwardView]
    cursor: str | None = None


class ForwardEventView(Struct, frozen=True, kw_only=True):
    """A closed trace that was not delivered. ``retry``: it is tried again at ``next_try``; ``failed``: not before it is
    replayed. ``status`` is the receiver's, 0 where it did not answer."""

    id: str
    state: EventState
    trace_id: str
    tries: int
    next_try: int
    status: int
    problem: str
    first_tried: int
    last_tried: int


class ForwardEventPage(Struct, frozen=True, kw_only=True):
    items: list[ForwardEventView]
    cursor: str | None = None


class Replay(Struct, kw_only=True, forbid_unknown_fields=True):
    """``event``: one; left out: all that have failed."""

    event: Annotated[str, Meta(max_length=64)] | None = None


class Replayed(Struct, frozen=True, kw_only=True):
    events: int


class ForwardTest(Struct, frozen=True, kw_only=True):
    """What came of a delivery without a trace in it."""

    verdict: Verdict
    status: int
    problem: str
