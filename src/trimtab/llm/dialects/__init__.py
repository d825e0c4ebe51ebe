"""Wire formats: pure functions between a vendor's JSON and `llm/types.py`, one file or package per dialect.

A package repeats the same file names: `hot` (what same-dialect calls pay for), `request` and `render` (a call, read and
written), `response`, `stream`, `errors`, `usage`, `stops`. What all dialects share starts with an underscore.

A dialect has two faces. As a *front* it reads a client's request and writes answers, errors and stream events. As an
*upstream* it writes requests and reads answers. Any front meets any upstream that does the same, by the canonical
types; when both are the same dialect the bytes pass through and only what must be read is decoded (`peek`, `forward`,
`glance`, `meter`), so fields we do not know survive. Some dialects have the upstream face only (`_upstream_only.py`).

What a dialect does is one ``operation``: ``chat``, or ``embeddings``, or ``rerank``. The latter two use the same types:
what is embedded or ranked travels as messages, and `Request.task` and `Response.result` say the rest.

Everything that can go wrong in a client's body is `InvalidRequest` with ``param`` set; what goes wrong in a provider's
is `UpstreamFailure`. No function here does I/O, looks at a clock or makes an id.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

from trimtab.core.errors import TrimtabError, UpstreamRejected
from trimtab.core.registry import Registry
from trimtab.llm.auth import Auth
from trimtab.llm.types import Delta, Request, Response, StopReason, Usage

Operation = Literal["chat", "embeddings", "rerank", "passthrough"]


OPENAIS_HINTS = ("verbosity", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options")
"""OpenAI's newer members that change nothing of what is answered (`Quirks.hints`)."""


class Quirks(Struct, frozen=True, kw_only=True):
    """How one provider departs from the dialect it speaks, as data.

    ``max_tokens_field`` is the name it wants for the output bound; ``stream_usage`` says whether it understands
    ``stream_options.include_usage``; ``default_max_tokens`` is sent where the dialect demands a bound and the caller
    gave none; ``developer_role`` is false where only ``system`` is known. ``path_prefix`` comes before the dialect's
    path; ``{model}`` in it stands for the model. ``dimensions_field`` and ``rank_top_field`` are what it calls the
    length of vectors and the bound of a ranking.

    ``renames`` and ``unknown`` are fields of the dialect that it calls otherwise, or refuses to be sent; ``values`` are
    those that it knows with these values alone, and is not sent with others; ``unknown_members`` are members of
    messages that it refuses, among those that answers have and clients send back; ``tool_id_length`` is how many
    letters or digits the id of a tool call must have, where that is bounded; ``thoughts_return`` says that it refuses a
    conversation with tool calls whose assistant's messages lack ``reasoning_content``; ``thoughts_field`` is what it
    calls thoughts in a conversation, or ``""`` where it refuses them there; ``thinking_switch`` says that thinking is
    turned off by ``thinking``, also where a tool must be called, which its models refuse while they think;
    ``thoughts_details`` says that it signs them, and takes them back as ``reasoning_details``. ``hints`` are those of
    `OPENAIS_HINTS` that it knows as well: others may refuse a call for them. ``tiers`` are service tiers that it can be
    asked for by a call of another dialect, because they mean there what they mean here. ``strict_turns`` says that it
    refuses a user's message after a tool's, a system message after an answer, and an empty answer. ``efforts`` are
    those that its models know, by patterns of their names, the first that fits; a call of another dialect asks for the
    nearest, or for none (``default`` stands for all that it does not name). ``bare_counts`` says that it counts the
    members of a call themselves, where its dialect's vendor counts a call. ``calls_without_ids`` is a pattern of models
    whose calls and responses have no ids there. ``counter`` is how a server of one's own is asked how many tokens a
    call would have (`llm/counting.py`), if it is not by its dialect's own way. Without ``named_choice`` no tool can be
    demanded by its name: then it is the only one that is offered, and one must be called. Without ``json_object`` JSON
    is had by a schema alone: that of any object. ``by_responses`` says that its models are OpenAI's own, the newest of
    which refuse in Chat Completions what they do in Responses (`_gpt.by_responses`): such calls become Responses, where
    the kind speaks them.
    """

    max_tokens_field: str = "max_tokens"
    stream_usage: bool = True
    default_max_tokens: int = 4096
    developer_role: bool = True
    path_prefix: str = ""
    dimensions_field: str = "dimensions"
    rank_top_field: str = "top_n"
    renames: dict[str, str] = {}
    unknown: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = {}
    unknown_members: tuple[str, ...] = ()
    tool_id_length: int = 0
    strict_turns: bool = False
    bare_counts: bool = False
    calls_without_ids: str = ""
    counter: Literal["", "llamacpp", "vllm", "anthropic"] = ""
    named_choice: bool = True
    json_object: bool = True
    efforts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    thoughts_return: bool = False
    thoughts_field: str = "reasoning_content"
    thoughts_details: bool = False
    thinking_switch: bool = False
    hints: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    by_responses: bool = False


ANSWERED_MEMBERS = ("refusal", "annotations", "audio", "function_call")
"""What a message of OpenAI's has in an answer, as null where there is nothing (`Quirks.unknown_members`)."""


class Head(Struct, frozen=True, kw_only=True):
    """What the gateway must know of a request before it decides anything. ``wants_usage``: the client itself asked for
    usage in the stream. ``metadata`` holds only string values. ``base64``: vectors are to be written that way.
    ``choices`` is how many answers are asked for, each of which may be as long as ``max_tokens`` says. ``tier`` is in
    which it is to be worked on (`llm.tiers.asked_tier`)."""

    model: str
    stream: bool = False
    max_tokens: int | None = None
    user: str | None = None
    wants_usage: bool = False
    metadata: dict[str, str] = {}
    base64: bool = False
    choices: int = 1
    tier: str = ""


class Glance(Struct, frozen=True, kw_only=True):
    """What the books need of a whole answer that passes through unchanged."""

    usage: Usage | None = None
    id: str = ""
    model: str = ""
    stop: StopReason = "unknown"
    stop_raw: str | None = None


class Meter(Protocol):
    """Watches a same-dialect stream go by. `feed` takes one or more complete SSE events as received and returns the
    bytes to pass on (the same object unless something we asked for must be kept from the client).

    Read the attributes at any time: ``semantic`` turns true with the first event that carries model output (text,
    a tool call, reasoning), ``finished`` with the dialect's own end of stream, ``failed`` holds the message of an error
    event inside a 200 stream, ``failed_code`` what it is called there.
    """

    usage: Usage | None
    id: str
    model: str
    stop: StopReason
    stop_raw: str | None
    semantic: bool
    finished: bool
    failed: str | None
    failed_code: str

    def feed(self, block: bytes) -> bytes: ...


class StreamDecoder(Protocol):
    """Upstream SSE to canonical events. `feed` takes one or more complete SSE events."""

    def feed(self, block: bytes) -> list[Delta]: ...

    def close(self) -> list[Delta]:
        """The upstream ended: whatever is still owed (open blocks, a Finish held for its usage). If no end of stream
        was seen this yields `Failed`."""
        ...


class StreamEncoder(Protocol):
    """Canonical events to the client's SSE bytes. ``b""`` where the dialect has nothing to say yet."""

    def feed(self, delta: Delta) -> bytes: ...


class Splitter(Protocol):
    """Turns a stream's bytes, cut anywhere, into blocks of one or more complete events, and keeps the unfinished tail.
    `SSESplitter` is nearly every dialect's."""

    def feed(self, data: bytes) -> bytes:
        """The complete events that are there now, or ``b""``. Raises `UpstreamFailure` for what is no such stream."""
        ...

    def rest(self) -> bytes:
        """The unfinished event at the end of the stream, if there is one."""
        ...


class Dialect(Protocol):
    """One wire format, both faces.

    ``front`` is false where there is only the upstream face. ``auth`` is how its vendor wants the key (a provider kind
    may have another way), ``headers`` what every request carries besides.
    """

    name: str
    operation: Operation
    front: bool
    auth: Auth
    headers: Mapping[str, str]

    def path(self, model: str, *, stream: bool) -> str:
        """Joined to a provider's base URL, e.g. ``/chat/completions``; percent-encoded, may hold a query."""
        ...

    def splitter(self) -> Splitter:
        """For one answer's stream."""
        ...

    # front: from and to the client
    def peek(self, body: bytes) -> Head: ...
    def parse_request(self, body: bytes) -> Request: ...
    def render_response(self, response: Response) -> bytes: ...
    def stream_encoder(self, head: Head) -> StreamEncoder: ...
    def render_error(self, error: TrimtabError, request_id: str) -> bytes: ...
    def render_stream_error(self, error: TrimtabError, request_id: str) -> bytes:
        """One well-formed SSE event (with whatever the dialect's clients need after it) that ends a broken stream."""
        ...

    # upstream: to and from the provider
    def forward(self, body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:
        """The client's own body for a same-dialect upstream: the model renamed, usage asked for, all else kept."""
        ...

    def render_request(self, request: Request, model: str, quirks: Quirks) -> bytes: ...
    def parse_response(self, body: bytes) -> Response: ...
    def stream_decoder(self) -> StreamDecoder: ...
    def glance(self, body: bytes) -> Glance: ...
    def meter(self, head: Head) -> Meter: ...
    def parse_error(self, status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
        """A provider's error answer, of any shape (proxies send HTML), with its status, words and Retry-After."""
        ...


class WholeStreams:
    """Inherited by a dialect that reads a stream which is all there already faster than event by event."""

    def parse_stream(self, body: bytes) -> Response | None:
        """The answer that a whole stream amounts to; None where it must be read event by event."""
        raise NotImplementedError


DIALECTS: Registry[Dialect] = Registry("dialects", "trimtab.llm.dialects")


def dialects(operation: Operation = "chat", *, front: bool | None = None) -> tuple[str, ...]:
    """The names of the dialects of an operation; ``front`` asks for those with, or without, a front's face."""
    found = DIALECTS.all().values()
    return tuple(d.name for d in found if d.operation == operation and (front is None or d.front == front))
