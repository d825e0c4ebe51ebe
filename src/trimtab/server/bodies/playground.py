"""Bodies and events of the playground."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from trimtab.llm.types import Usage

MOST_MODELS = 6


class PlaygroundPrompt(Struct, kw_only=True, forbid_unknown_fields=True):
    """``ref`` is a version's number, a label or ``latest``; ``file`` takes that text instead, unsaved."""

    name: str
    ref: str = "latest"
    file: str | None = None
    variables: dict[str, Any] = {}


class PlaygroundRun(Struct, kw_only=True, forbid_unknown_fields=True):
    """One question for one to six ``models``: what a client would put into ``model`` (a model, a route,
    ``provider/model-id``, an app, an app's release as ``support@r12``).

    ``messages`` and ``tools`` are as OpenAI's chat has them; the messages of ``prompt`` come first, and its parameters,
    tools and output schema count where none are given here. ``parameters`` are all other fields of the body
    (``temperature``, ``max_tokens``, ...). ``variables`` are an app's. ``like`` names an app's release: models beside
    it are asked with its prompt, parameters, tools and schema over the same messages."""

    models: Annotated[list[str], Meta(min_length=1, max_length=MOST_MODELS)]
    messages: list[dict[str, Any]] = []
    prompt: PlaygroundPrompt | None = None
    parameters: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    output_schema: dict[str, Any] | None = None
    variables: dict[str, Any] = {}
    like: str = ""


class PlaygroundBegin(Struct, frozen=True, kw_only=True):
    """Event ``begin``: the call of ``models[run]`` was let in. Its trace is there once the call has ended."""

    run: int
    model: str
    trace_id: str
    span_id: str


class PlaygroundDelta(Struct, frozen=True, kw_only=True):
    """Event ``delta``: more of block ``index`` of an answer. ``id`` and ``name`` are a tool call's, told once; its
    ``text`` is JSON as the model writes it."""

    run: int
    index: int
    kind: Literal["text", "reasoning", "refusal", "tool_call", "opaque"]
    text: str = ""
    id: str = ""
    name: str = ""


class PlaygroundEnd(Struct, frozen=True, kw_only=True):
    """Event ``end``: how it ended, once its record is safe. Milliseconds; ``first_token`` null where none came.
    ``cost`` is of all its ``attempts``, in US dollars as a decimal string, null where a price is not known. ``error``
    is empty for an answer."""

    run: int
    ok: bool
    status: int
    error: str
    error_code: str
    trace_id: str
    span_id: str
    provider: str
    model_used: str
    attempts: int
    usage: Usage | None
    cost: str | None
    duration: float
    first_token: float | None
    stop: str
    cached: bool


class PlaygroundAdds(Struct, frozen=True, kw_only=True):
    """What an app's release puts over a client's call: messages ``before`` and ``after`` the client's own, and the
    parameters, tools and output schema that then stand in it."""

    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    parameters: dict[str, Any]
    tools: list[dict[str, Any]]
    output_schema: dict[str, Any] | None


class PlaygroundContext(Struct, frozen=True, kw_only=True):
    """What a span was asked, as the playground asks it: ``messages`` and ``tools`` in OpenAI's form, ``variables`` for
    an app's prompt, ``parameters`` all other fields. ``model`` is what was called; ``callable`` whether there is such a
    one here now. ``notes`` say what could not be carried over as it was. ``adds``: where an app's release was called,
    what it puts over that."""

    trace_id: str
    span_id: str
    model: str
    callable: bool
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    parameters: dict[str, Any]
    variables: dict[str, Any]
    notes: list[str]
    adds: PlaygroundAdds | None
