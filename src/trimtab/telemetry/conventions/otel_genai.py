"""OpenTelemetry's GenAI conventions, every generation at once.

Newest: ``gen_ai.{input,output}.messages``, ``gen_ai.provider.name``, ``usage.cache_write.input_tokens``
(open-telemetry/semantic-conventions-genai, docs/gen-ai/). Before: ``usage.cache_creation.input_tokens`` and
``gen_ai.system`` (1.37 to 1.41), events ``gen_ai.user.message`` and ``gen_ai.choice`` (1.28 to 1.36), events
``gen_ai.content.prompt`` and ``.completion`` (1.27), ``gen_ai.prompt.N.*`` and ``usage.prompt_tokens`` (before, and
OpenLLMetry). Input tokens include cached ones (docs/gen-ai/client-inference.md).

Anthropic's own client (its spans since version 2) speaks the newest, and has names of its own for what OpenTelemetry
has none for; what its answers' compactions used is beside the usage there (``anthropic/_tracing.py`` of the package).
"""

from collections.abc import Collection
from typing import Any, Final

from trimtab.llm.types import Message, Part, Text, ToolCall, ToolResult, Usage
from trimtab.telemetry.canonical import COUNTED, Document, Evaluation
from trimtab.telemetry.conventions._indexed import FlatPlan, flat_plan, flat_rows, rows, tree
from trimtab.telemetry.conventions._messages import answer_of, looks_like_messages, messages_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    first,
    is_object,
    label,
    mapping,
    number,
    picodollars,
    present,
    put,
    put_content,
    put_labels,
    sequence,
    text_of_value,
)
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "otel_genai"
VERSION: Final = 7

_OPERATIONS: Final[dict[str, SpanKind]] = {
    "chat": "llm", "generate_content": "llm", "text_completion": "llm", "completion": "llm", "generate": "llm",
    "responses": "llm", "embeddings": "embedding", "embedding": "embedding", "rerank": "reranker",
    "retrieval": "retriever", "search_memory": "retriever", "execute_tool": "tool",
    "invoke_agent": "agent", "create_agent": "agent",
    "invoke_workflow": "workflow", "plan": "workflow", "agent_step": "workflow",
    "execute_event_loop_cycle": "workflow",
    "create_memory": "memory", "update_memory": "memory", "upsert_memory": "memory", "delete_memory": "memory",
    "create_memory_store": "memory", "delete_memory_store": "memory",
    "fetch_response": "span",
}  # fmt: skip

_LABELS: Final = (
    ("operation", "gen_ai.operation.name"),
    ("model", "gen_ai.request.model"),
    ("model_used", "gen_ai.response.model"),
    ("provider", "gen_ai.provider.name"),
    ("provider", "gen_ai.system"),
    ("response_id", "gen_ai.response.id"),
    ("session", "gen_ai.conversation.id"),
)
_RARE: Final = (
    ("agent_name", "gen_ai.agent.name"),
    ("agent_id", "gen_ai.agent.id"),
    ("workflow", "gen_ai.workflow.name"),
    ("tool_name", "gen_ai.tool.name"),
    ("tool_call_id", "gen_ai.tool.call.id"),
    ("prompt_name", "gen_ai.prompt.name"),
    ("prompt_version", "gen_ai.prompt.version"),
)
_PARAMS: Final = (
    *(
        (name, f"gen_ai.request.{name}")
        for name in (
            "temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty", "stop_sequences",
            "seed", "choice.count", "reasoning.level", "encoding_formats", "previous_response.id", "service_tier",
        )
    ),
    ("top_k", "gen_ai.retrieval.top_k"),
    ("output.type", "gen_ai.output.type"),
)  # fmt: skip
_TTFT: Final = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
)
_CHUNKED: Final = _TTFT[:2]
_STREAMED: Final = ("gen_ai.request.stream", "gen_ai.is_streaming", "rpc.method")
"""OpenTelemetry's name, OpenLLMetry's for Groq, and what its instrumentation of AWS's client says of Bedrock's."""
_STREAMING: Final = (True, "ConverseStream", "InvokeModelWithResponseStream")
_GOOGLES: Final = ("gcp.", "gemini", "google", "vertex")
"""How the names of the provider begin whose totals are larger than what it calls input and output."""
_CONTENTS: Final = (
    ("input", "gen_ai.tool.call.arguments"),
    ("output", "gen_ai.tool.call.result"),
    ("output", "anthropic.tool_result.content"),
    ("input", "gen_ai.retrieval.query.text"),
    ("input", "gen_ai.memory.query.text"),
)
_DOCUMENTS: Final = ("gen_ai.retrieval.documents", "gen_ai.memory.records")
_COUNTS: Final = (
    ("input", "gen_ai.usage.input_tokens"),
    ("input", "gen_ai.usage.prompt_tokens"),
    ("output", "gen_ai.usage.output_tokens"),
    ("output", "gen_ai.usage.completion_tokens"),
    ("total", "gen_ai.usage.total_tokens"),
    ("total", "llm.usage.total_tokens"),
    ("cache_write_5m", "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"),
    ("cache_write_1h", "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"),
)
_COMPACTIONS: Final = (
    ("input", "anthropic.usage.compaction.input_tokens"),
    ("output", "anthropic.usage.compaction.output_tokens"),
)
_FRAMEWORKS: Final = frozenset({"strands-agents", "autogen", "microsoft.agent_framework"})
"""What some frameworks name as the provider: themselves. Whose model it was they do not say."""
_AROUND: Final = frozenset({"langchain", "langgraph", "crewai"})
"""What OpenLLMetry names on the spans around calls: lists would show it as the provider of their traces."""
_NO_VENDORS: Final = _FRAMEWORKS | _AROUND
_ANSWER: Final = "resp_"
"""An answer of OpenAI's Responses, which Microsoft's Agent Framework names as the conversation: each call another."""
_FINISHES: Final = (
    "gen_ai.response.finish_reasons",
    "anthropic.message.stop_reason",
    "gen_ai.response.finish_reason",  # Semantic Kernel: ``FinishReason.STOP``
)
_SAID: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_SECOND: Final = 1_000_000_000
_U: Final = "gen_ai.usage."


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    operation = attributes.get("gen_ai.operation.name")
    if type(operation) is str and operation in _OPERATIONS:
        if operation == "invoke_agent" and _is_work(attributes):
            return "workflow"
        return _OPERATIONS[operation]
    if "gen_ai.tool.name" in attributes or "gen_ai.tool.call.id" in attributes:
        return "tool"
    return None


def _is_work(attributes: Attributes) -> bool:
    """OpenLLMetry names that operation on workflows, tasks and crews, too."""
    return attributes.get("traceloop.span.kind") in ("workflow", "task") or "crewai.crew.id" in attributes


class Reading:
    """`read` for spans with these names: what is not among them is not asked for."""

    __slots__ = (
        "_compactions",
        "_contents",
        "_cost",
        "_counts",
        "_documents",
        "_finish",
        "_flat_given",
        "_flat_made",
        "_given",
        "_labels",
        "_made",
        "_offered",
        "_older_given",
        "_older_made",
        "_params",
        "_rare",
        "_rare_of_calls",
        "_session",
        "_simple",
        "_stream",
        "_system",
        "_ttft",
    )

    def __init__(self, names: Collection[str]) -> None:
        self._labels = present(names, _LABELS)
        self._session = "gen_ai.conversation.id" in names
        self._rare = present(names, _RARE)
        self._rare_of_calls = "gen_ai.agent.name" in names or "gen_ai.prompt.name" in names
        self._contents = present(names, _CONTENTS)
        self._documents = [name for name in _DOCUMENTS if name in names]
        self._params = present(names, _PARAMS)
        self._counts = _count_names(names)
        self._simple = all(field in ("input", "output") for field, _ in self._counts)
        self._given = "gen_ai.input.messages" in names
        self._made = "gen_ai.output.messages" in names
        self._system = "gen_ai.system_instructions" in names
        self._offered = "gen_ai.tool.definitions" in names
        self._older_given = any(name.startswith("gen_ai.prompt") for name in names)
        self._older_made = any(name.startswith("gen_ai.completion") for name in names)
        self._flat_given = flat_plan(names, "gen_ai.prompt.", ".", _FLAT)
        self._flat_made = flat_plan(names, "gen_ai.completion.", ".", _FLAT)
        self._compactions = present(names, _COMPACTIONS)
        self._finish = [name for name in _FINISHES if name in names]
        self._stream = next((name for name in _STREAMED if name in names), None)
        self._ttft = [name for name in _TTFT if name in names]
        self._cost = "gen_ai.usage.cost" in names

    def __call__(self, span: ForeignSpan, found: Found) -> None:
        attributes = span.attributes
        put_labels(found, attributes, self._labels)
        provider = found.get("provider")
        if provider in _NO_VENDORS and (provider in _FRAMEWORKS or found.get("kind") not in COUNTED):
            del found["provider"]
        if self._session and found.get("session", "").startswith(_ANSWER):
            del found["session"]
        # What is not on a plain inference span.
        if found.get("kind") != "llm" or self._rare_of_calls:
            if self._rare:
                put_labels(found, attributes, self._rare)
            for field, name in self._contents:
                put_content(found, field, attributes[name])
            if self._documents and "documents" not in found:
                put(found, "documents", documents_of(next(filter(None, map(attributes.get, self._documents)), None)))
        if self._params and "params" not in found:
            found["params"] = {name: attributes[key] for name, key in self._params}
        if self._counts and "usage" not in found:
            self._read_usage(attributes, found)
        if self._finish and "stop" not in found:
            put(found, "stop", stop_of(attributes[self._finish[0]]))
        self._read_messages(span, found)
        if self._stream and attributes[self._stream] in _STREAMING:
            found.setdefault("stream", True)
        if self._ttft and "ttft_ns" not in found:
            seconds = number(first(attributes, self._ttft))
            if seconds is not None and 0 <= seconds < 1e9:
                # Strands tells whole milliseconds under the name that others tell seconds under.
                milli = self._ttft[0] not in _CHUNKED and span.scope_name.startswith("strands")
                found["ttft_ns"] = int(seconds * (_SECOND // 1000 if milli else _SECOND))
                if self._ttft[0] in _CHUNKED:  # Vercel's 7 says no more of a stream
                    found.setdefault("stream", True)
        if self._cost and "cost_reported" not in found:
            amount = picodollars(attributes["gen_ai.usage.cost"])
            if amount is not None:
                found["cost_reported"] = amount

    def _read_usage(self, attributes: Attributes, found: Found) -> None:
        counts = Counts()
        for field, name in self._counts:
            if getattr(counts, field) is None:
                setattr(counts, field, count(attributes[name]))
        for field, name in self._compactions:
            setattr(counts, field, (getattr(counts, field) or 0) + (count(attributes[name]) or 0))
        if self._simple:
            if counts.input is not None or counts.output is not None:
                found["usage"] = Usage(input=counts.input or 0, output=counts.output or 0)
            return
        if counts.total is not None and counts.reasoning is None and found.get("kind") == "llm":
            _think(counts, found.get("provider", ""))
        usage = buckets(counts)
        if usage is not None:
            found["usage"] = usage

    def _read_messages(self, span: ForeignSpan, found: Found) -> None:
        attributes = span.attributes
        given = attributes["gen_ai.input.messages"] if self._given else None
        made = attributes["gen_ai.output.messages"] if self._made else None
        system = attributes["gen_ai.system_instructions"] if self._system else None
        tools = attributes["gen_ai.tool.definitions"] if self._offered else None
        events = _Events(span.events) if span.events else None
        if events is not None:
            given = given or events.details.get("gen_ai.input.messages")
            made = made or events.details.get("gen_ai.output.messages")
            system = system or events.details.get("gen_ai.system_instructions")
            tools = tools or events.details.get("gen_ai.tool.definitions")
            if events.scores:
                found["scores"] = (*found.get("scores", ()), *events.scores)
        if "input_messages" not in found:
            messages: tuple[Message, ...] = ()
            if given:
                messages = messages_of(given)
            elif self._older_given or events is not None:
                messages = _older(attributes, events, self._flat_given, answer=False)
            if system:
                messages = with_system(messages, system)
            if messages:
                found["input_messages"] = messages
        if "output_messages" not in found:
            if made:
                answered, reason = answer_of(made)
                put(found, "output_messages", answered)
                if reason and "stop" not in found:
                    put(found, "stop", stop_of(reason))
            elif self._older_made or events is not None:
                put(found, "output_messages", _older(attributes, events, self._flat_made, answer=True))
        if events is not None and events.stop and "stop" not in found:
            put(found, "stop", stop_of(events.stop))
        if tools and "tools_offered" not in found:
            put(found, "tools_offered", tools_of(tools))
        if found.get("kind") == "tool":
            _read_tool(found)


def _think(counts: Counts, provider: str) -> None:
    """Google counts thoughts beside the output, and OpenLLMetry tells them in the total alone."""
    rest = (counts.total or 0) - (counts.input or 0) - (counts.output or 0)
    if rest > 0 and provider.lower().startswith(_GOOGLES):
        counts.reasoning, counts.output_excludes_reasoning = rest, True


def _read_tool(found: Found) -> None:
    """A tool is asked for what it does by a message, too (Strands): its arguments, and what it gave, are no
    conversation. An older generation of it has one event for what a tool gives the model and for what it is given."""
    asked, made = found.get("input_messages", ()), found.get("output_messages", ())
    if len(asked) == 1 and len(asked[0].parts) == 1:
        part = asked[0].parts[0]
        if type(part) is ToolCall:
            put_content(found, "input", part.arguments)
        elif type(part) is ToolResult:
            put_content(found, "input", _said(part.parts))
        if "input" in found:
            del found["input_messages"]
    if len(made) == 1:
        (part, *more) = made[0].parts or (Text(""),)
        said = part.parts if type(part) is ToolResult and not more else made[0].parts
        if said and all(type(each) is Text for each in said):
            found["output"] = _said(said)  # rather than an attribute that has the same as a list of blocks
        if "output" in found:
            del found["output_messages"]


def _said(parts: tuple[Part, ...]) -> str:
    return "\n".join(part.text for part in parts if type(part) is Text)


def read(span: ForeignSpan, found: Found) -> None:
    """Any span."""
    Reading(span.attributes)(span, found)


def params_of(attributes: Attributes) -> dict[str, Any]:
    """How the model was asked to behave."""
    return {name: attributes[key] for name, key in present(attributes, _PARAMS)}


def _count_names(names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Fields of `Counts` and the attributes that tell them, the newest name first. ``usage.details.*`` repeats them
    under names of vendors."""
    found = list(present(names, _COUNTS))
    for name in names:
        if name.startswith(_U):
            field = _DETAILS.get(name[13:])
            if field is not None:
                found.append((field, name))
    return tuple(found)


_DETAILS: Final = {
    "cache_read.input_tokens": "cache_read", "cache_read_input_tokens": "cache_read",
    "input_tokens.cached": "cache_read", "prompt_tokens.cached": "cache_read", "input_tokens.cache_read": "cache_read",
    "details.cache_read_tokens": "cache_read", "details.cache_read_input_tokens": "cache_read",
    "details.cached_tokens": "cache_read", "cached_input_tokens": "cache_read",
    "cache_write.input_tokens": "cache_write", "cache_creation.input_tokens": "cache_write",
    "cache_creation_input_tokens": "cache_write", "cache_write_input_tokens": "cache_write",
    "details.cache_write_tokens": "cache_write", "details.cache_creation_input_tokens": "cache_write",
    "input_tokens.cache_write": "cache_write",
    "reasoning.output_tokens": "reasoning", "reasoning_tokens": "reasoning", "output_tokens.reasoning": "reasoning",
    "completion_tokens.reasoning": "reasoning", "thinking_tokens": "reasoning",
    "details.reasoning_tokens": "reasoning",
    "details.thoughts_tokens": "reasoning", "experimental.reasoning_tokens": "reasoning",
    "input_cached_tokens": "cache_read", "input_audio_tokens": "audio_input", "output_audio_tokens": "audio_output",
    "audio.input_tokens": "audio_input", "details.input_audio_tokens": "audio_input",
    "audio.output_tokens": "audio_output", "details.output_audio_tokens": "audio_output",
    "audio_input_tokens": "audio_input", "audio_output_tokens": "audio_output",
    "cache_creation.5m_input_tokens": "cache_write_5m", "cache_creation.1h_input_tokens": "cache_write_1h",
    "cache_write_5m.input_tokens": "cache_write_5m", "cache_write_1h.input_tokens": "cache_write_1h",
}  # fmt: skip


def _older(
    attributes: Attributes, events: "_Events | None", flat: FlatPlan | None, *, answer: bool
) -> tuple[Message, ...]:
    """Messages as events, or as indexed attributes (``flat`` where they are), or as one attribute."""
    if events is not None:
        said = events.answers if answer else events.asked
        if said:
            return tuple(said)
    prefix = "gen_ai.completion" if answer else "gen_ai.prompt"
    whole = attributes.get(prefix)
    if whole is not None:
        return messages_of(whole, "assistant" if answer else "user") if looks_like_messages(whole) else ()
    if flat is not None:
        plain = flat_rows(attributes, flat)
        if not plain:
            return ()
        if not any(str(row.get("content", ""))[:1] == "[" for row in plain):
            return messages_of(plain, "assistant" if answer else "user")
    return indexed_messages(attributes, f"{prefix}.", answer=answer)


_FLAT: Final = frozenset({"role", "content", "finish_reason"})


def indexed_messages(attributes: Attributes, prefix: str, *, answer: bool) -> tuple[Message, ...]:
    """``gen_ai.prompt.0.role``, ``.content``, ``.tool_calls.0.{id,name,arguments}``, ``.finish_reason``."""
    found: list[dict[str, Any]] = []
    for row in rows(tree(attributes, prefix)):
        if not is_object(row):
            continue
        message = row
        if type(message.get("tool_calls")) is dict:
            message["tool_calls"] = rows(message["tool_calls"])
        if type(message.get("content")) is str and message["content"][:1] == "[":
            message["content"] = sequence(message["content"]) or message["content"]
        if "role" not in message:
            message["role"] = "assistant" if answer else "user"
        found.append(message)
    return messages_of(found, "assistant" if answer else "user")


def documents_of(value: Any) -> tuple[Document, ...]:
    """``[{id, score, …}]``; what else a document says is its metadata."""
    found: list[Document] = []
    for each in sequence(value)[:1000]:
        row = mapping(each)
        if not row:
            if type(each) is str and each:
                found.append(Document(content=each))
            continue
        content = first(row, ("content", "text", "page_content", "document"))
        more = mapping(row.get("metadata"))
        found.append(
            Document(id=label(row.get("id")), content=text_of_value(content), score=_score(row), metadata=more)
        )
    return tuple(found)


def _score(row: dict[str, Any]) -> float | None:
    return number(first(row, ("score", "relevance_score", "distance")))


class _Events:
    """What the events of a span say, read once."""

    __slots__ = ("answers", "asked", "details", "scores", "stop")

    def __init__(self, events: tuple[ForeignEvent, ...]) -> None:
        self.asked: list[Message] = []
        self.answers: list[Message] = []
        self.scores: list[Evaluation] = []
        self.details: dict[str, Any] = {}
        self.stop: Any = None
        for event in events:
            name = event.name
            if not name.startswith("gen_ai."):
                continue
            if name in _SAID:
                said = messages_of([_body(event, _SAID[name])])
                if name == "gen_ai.user.message" and said and said[0].role == "tool":
                    self._drop_repeated(said[0])
                self.asked += said
            elif name == "gen_ai.choice":
                body = _body(event, "assistant")
                self.answers += messages_of([body], "assistant")
                self.stop = event.attributes.get("finish_reason") or body.get("finish_reason") or self.stop
            elif name in ("gen_ai.client.inference.operation.details", "gen_ai.client.inference.details"):
                self.details.update(event.attributes)
            elif name == "gen_ai.content.prompt":
                self.asked += messages_of(event.attributes.get("gen_ai.prompt"))
            elif name == "gen_ai.content.completion":
                self.answers += messages_of(event.attributes.get("gen_ai.completion"), "assistant")
            elif name == "gen_ai.evaluation.result":
                score = evaluation_of(event.attributes)
                if score is not None:
                    self.scores.append(score)

    def _drop_repeated(self, message: Message) -> None:
        """OpenTelemetry's instrumentation of AWS's client tells results of tools twice: each by itself, and then all
        of them in the message that they came in, which alone says which failed."""
        calls = {part.call_id for part in message.parts if type(part) is ToolResult}
        while self.asked and all(type(part) is ToolResult and part.call_id in calls for part in self.asked[-1].parts):
            self.asked.pop()


def _body(event: ForeignEvent, role: str) -> dict[str, Any]:
    """An event's message: in its attributes, or a log record's in ``body``, or Azure's in ``gen_ai.event.content``."""
    attributes = event.attributes
    for name in ("body", "gen_ai.event.content", "event.body"):
        held = mapping(attributes.get(name))
        if held:
            return held if "role" in held or "message" in held else {"role": role, **held}
    message = mapping(attributes.get("message"))
    if message:
        return {"role": role, **message}
    names = ("content", "tool_calls", "id", "name")
    body: dict[str, Any] = {name: attributes[name] for name in names if name in attributes}
    if "content" not in body and attributes.get("message"):  # Strands: the content alone
        body["content"] = attributes["message"]
    if type(body.get("content")) is str and body["content"][:1] in ("[", "{"):
        body["content"] = sequence(body["content"]) or body["content"]
    return {"role": role, **body}


def evaluation_of(attributes: Attributes) -> Evaluation | None:
    """``gen_ai.evaluation.result``: name, score.value, score.label, explanation, response.id."""
    name = label(attributes.get("gen_ai.evaluation.name"))
    if not name:
        return None
    value = number(attributes.get("gen_ai.evaluation.score.value"))
    said = label(attributes.get("gen_ai.evaluation.score.label"))
    if value is None and not said:
        return None
    target = attributes.get("gen_ai.evaluation.target")
    source = attributes.get("gen_ai.evaluation.evaluator.source")
    return Evaluation(
        name=name,
        value=value,
        label=said,
        explanation=text_of_value(attributes.get("gen_ai.evaluation.explanation"))[:4000],
        source=source if source in ("human", "llm") else "code",
        evaluator=label(attributes.get("gen_ai.evaluation.evaluator.name")),
        evaluator_version=label(attributes.get("gen_ai.evaluation.evaluator.version")),
        target=target if target in ("trace", "session") else "span",
        response_id=label(attributes.get("gen_ai.response.id")),
    )


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"gen_ai"}), own=80, column=10, kinds=30,
    kind=kind, read=read, fit=Reading,
)  # fmt: skip
