"""What is noted of an attempt under way (`inflight.py`)."""

from msgspec import Struct

from trimtab.telemetry.records import Attempt


class Note(Struct, frozen=True, array_like=True):
    """One attempt that was begun. ``input_tokens`` is an estimate from the size of the body. ``ended`` is the attempt
    itself where it has ended meanwhile and another was made for its call. What follows it is of calls that name an
    app; ``claims`` is a response that was made in the background, where ``ended`` is what reading it books: if it is
    this call's to book. ``tier`` is the service tier that was asked for."""

    request_id: str
    trace_id: str
    span_id: str
    parent_span_id: str
    attempt_span_id: str
    project: str
    key_id: str
    front: str
    asked: str
    provider: str
    kind: str
    model: str
    name: str
    dialect: str
    feature: str
    session: str
    user: str
    tags: tuple[str, ...]
    stream: bool
    call_ns: int
    attempt_ns: int
    input_tokens: int
    ended: Attempt | None = None
    app: str = ""
    environment: str = ""
    release: str = ""
    variant: str = ""
    rollout: str = ""
    claims: str = ""
    tier: str = ""


class Left(Struct, frozen=True):
    """A note that was found, and how many events of its answer had come."""

    note: Note
    events: int
