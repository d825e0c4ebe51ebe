"""The canonical model of one chat call: what every dialect translates to and from.

A message is a role and an ordered list of parts; an answer is the same parts, either whole (`Response`) or as block
events (`Delta`): a block starts, grows, stops. A whole answer is always the fold of a stream (`fold.py`), so there is
one response path.

Token buckets in `Usage` are mutually exclusive; the sum of the five is every token that was billed or read.
"""

from typing import Any, Final, Literal

from msgspec import Raw, Struct, field

Role = Literal["system", "developer", "user", "assistant", "tool"]
StopReason = Literal[
    "stop", "stop_sequence", "length", "tool_calls", "content_filter", "refusal", "pause", "error", "unknown"
]


MOST_TOKENS: Final = 1_000_000_000
"""No call uses more. The largest windows hold some 10 million tokens, so that a hundred turns of a provider's own tools
within one answer fit; what errors tell instead of a count does not: a largest integer, -1 read as unsigned, a time."""


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one upstream call, in exclusive buckets.

    ``input`` is input read afresh (neither from nor into a cache); ``cache_read`` and ``cache_write`` are input served
    from, and stored into, the provider's prompt cache; ``output`` is visible output; ``reasoning`` is hidden output.
    ``cache_write_1h`` (part of ``cache_write``), ``audio_input``, ``audio_output``, ``image_input``, ``image_output``,
    ``cache_audio`` and ``cache_image`` (parts of ``cache_read``) are breakdowns of buckets above and are never added to
    them. ``images`` counts images made, where a provider charges by the image; ``searches`` the searches one charges
    for: units of a ranking, and searches of the web by its own tools; ``file_searches`` those of its own stores of
    files. ``estimated`` is true when we counted, not the provider. ``tier`` is in which tier it was worked on
    (`llm.tiers`), empty for the standard one. ``charged`` is what the provider says that it takes for the whole call,
    in picodollars (`llm.charges`); None where it does not say.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0
    images: int = 0
    searches: int = 0
    estimated: bool = False
    tier: str = ""
    file_searches: int = 0
    cache_audio: int = 0
    cache_image: int = 0
    charged: int | None = None

    def total(self) -> int:
        return self.input + self.cache_read + self.cache_write + self.output + self.reasoning


class Text(Struct, frozen=True, tag="text", omit_defaults=True):
    """``cache`` is how long a prompt cache may keep all that stands up to its end: ``5m`` or ``1h``; a hint."""

    text: str
    cache: str = ""


class Image(Struct, frozen=True, tag="image", kw_only=True):
    """Either ``url``, or ``data`` (base64, without the ``data:`` prefix) with its ``media_type``."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None


class ToolCall(Struct, frozen=True, tag="tool_call"):
    """``arguments`` is JSON text exactly as the model wrote it: it may be cut off or invalid."""

    id: str
    name: str
    arguments: str


class ToolResult(Struct, frozen=True, tag="tool_result"):
    call_id: str
    parts: tuple["Part", ...]
    is_error: bool = False


class Reasoning(Struct, frozen=True, tag="reasoning", kw_only=True):
    """A thinking block. ``signature`` and ``redacted`` are opaque and must travel back to the vendor unchanged."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


class Refusal(Struct, frozen=True, tag="refusal"):
    text: str


class Opaque(Struct, frozen=True, tag="opaque"):
    """A part only its own dialect understands (a file, audio, a server tool's block), kept as its JSON."""

    dialect: str
    raw: Raw


Part = Text | Image | ToolCall | ToolResult | Reasoning | Refusal | Opaque


class Message(Struct, frozen=True):
    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(Struct, frozen=True, kw_only=True):
    """A function the model may call; ``parameters`` is its JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(Struct, frozen=True, kw_only=True):
    """``name`` is set when ``mode`` is ``tool``."""

    mode: Literal["auto", "none", "required", "tool"] = "auto"
    name: str | None = None


class ResponseFormat(Struct, frozen=True, kw_only=True):
    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class Embed(Struct, frozen=True, kw_only=True, tag="embed"):
    """Make a vector of each message. ``dimensions`` shortens them; ``purpose`` is what they are for, where a model
    makes a difference (``search_document``, ``search_query``, ``classification``, ``clustering``)."""

    dimensions: int | None = None
    purpose: str | None = None


class Rank(Struct, frozen=True, kw_only=True, tag="rank"):
    """Order all messages but the first by how well they answer the first. ``top`` bounds how many are told;
    ``documents`` asks for their text beside the place."""

    top: int | None = None
    documents: bool = False


class Vectors(Struct, frozen=True, tag="vectors"):
    """One vector per message, in their order; ``base64`` is how the client wants them written."""

    vectors: tuple[tuple[float, ...], ...]
    base64: bool = False


class Ranked(Struct, frozen=True, kw_only=True):
    """A document by its place in the question, and its score; ``document`` is as the provider gave it back."""

    index: int
    score: float
    document: Raw | None = None


class Ranking(Struct, frozen=True, tag="ranking"):
    """Best first."""

    results: tuple[Ranked, ...]


class Request(Struct, frozen=True, kw_only=True):
    """One call in canonical form: of a chat, or (``task``) of what its operation does with the messages. ``extra``
    keeps the fields only the source dialect knows, by their own names.

    ``dialect`` is the source dialect: only that one may put ``extra`` back on the wire. ``binding`` names those fields
    of ``extra`` that decide what the answer is (several choices, server tools, audio): another dialect must refuse the
    call rather than drop them. The other extras are hints, and may be dropped.
    """

    dialect: str = ""
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    stream: bool = False
    user: str | None = None
    task: Embed | Rank | None = None
    tools_cache: str | None = None
    """As `Text.cache`, of the tools."""
    extra: dict[str, Raw] = field(default_factory=dict[str, Raw])
    binding: tuple[str, ...] = ()


class Response(Struct, frozen=True, kw_only=True):
    """One whole answer. ``stop`` is canonical; ``stop_raw`` is the vendor's own word for it."""

    id: str
    model: str
    parts: tuple[Part, ...]
    stop: StopReason
    usage: Usage | None = None
    stop_raw: str | None = None
    created: int = 0
    """Unix seconds, where the vendor says; else 0."""
    result: Vectors | Ranking | None = None
    """What a task gave; then there are no parts."""


# --- a stream: Start, then blocks (open, grow, close; indices count up from 0), then Finish; or Failed at any point ---


class Start(Struct, frozen=True, tag="start", kw_only=True):
    id: str
    model: str
    created: int = 0
    usage: Usage | None = None
    """Input-side usage, where the dialect tells it first (Anthropic does)."""


class BlockOpen(Struct, frozen=True, tag="open", kw_only=True):
    """``id`` and ``name`` are a tool call's; ``redacted`` a redacted thinking block's data; ``dialect`` and ``raw`` an
    opaque block's, which is whole when it opens and never grows."""

    index: int
    kind: Literal["text", "tool_call", "reasoning", "refusal", "opaque"]
    id: str = ""
    name: str = ""
    redacted: str | None = None
    dialect: str = ""
    raw: Raw = Raw(b"null")


class BlockGrow(Struct, frozen=True, tag="grow", kw_only=True):
    """More of a block: text, or JSON text of a tool call's arguments, or thinking; ``signature`` ends the latter."""

    index: int
    text: str = ""
    signature: str | None = None


class BlockClose(Struct, frozen=True, tag="close", kw_only=True):
    index: int


class Finish(Struct, frozen=True, tag="finish", kw_only=True):
    stop: StopReason
    stop_raw: str | None = None
    usage: Usage | None = None


class Failed(Struct, frozen=True, tag="failed", kw_only=True):
    """The provider broke off after it had begun to answer with a 200."""

    message: str
    code: str = ""


Delta = Start | BlockOpen | BlockGrow | BlockClose | Finish | Failed
