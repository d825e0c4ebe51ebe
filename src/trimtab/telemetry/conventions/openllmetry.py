"""OpenLLMetry (Traceloop): ``traceloop.*`` beside the older ``gen_ai.*``, whose generation `otel_genai` reads.

Names: traceloop/openllmetry, packages/opentelemetry-semantic-conventions-ai. Session and user stand only in
``traceloop.association.properties.*``. Its instrumentations of LangChain and CrewAI call workflows and tasks
``invoke_agent``, too (`otel_genai` asks for its own word then). A crew's run has no such word.
"""

from collections.abc import Collection
from typing import Any, Final

from trimtab.telemetry.canonical import Document
from trimtab.telemetry.conventions._bodies import tool_answer
from trimtab.telemetry.conventions._indexed import rows, tree
from trimtab.telemetry.conventions._messages import tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    entries,
    first,
    is_object,
    label,
    mapping,
    number,
    present,
    put,
    put_content,
    put_labels,
    text_of_value,
    under,
)
from trimtab.telemetry.conventions.otel_genai import params_of
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "openllmetry"
VERSION: Final = 5

_KINDS: Final[dict[str, SpanKind]] = {"tool": "tool", "agent": "agent", "workflow": "workflow", "task": "workflow"}
_REQUESTS: Final[dict[str, SpanKind]] = {
    "chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker",
}  # fmt: skip
_ASSOCIATED: Final = "traceloop.association.properties."
_LABELS: Final = (
    ("session", f"{_ASSOCIATED}session_id"),
    ("user", f"{_ASSOCIATED}user_id"),
    ("release", "traceloop.entity.version"),
    ("workflow", "traceloop.workflow.name"),
    ("node", "traceloop.entity.path"),
    ("prompt_name", "traceloop.prompt.key"),
    ("prompt_version", "traceloop.prompt.version"),
    ("prompt_version", "traceloop.prompt.version_name"),
    ("prompt_version", "traceloop.prompt.version_hash"),
    # Before it took up ``gen_ai.*``
    ("model", "llm.request.model"),
    ("model_used", "llm.response.model"),
    ("provider", "llm.vendor"),
    ("user", "llm.user"),
    ("workflow", "crewai.crew.name"),
)
_PARAMS: Final = (
    ("frequency_penalty", "llm.frequency_penalty"),
    ("presence_penalty", "llm.presence_penalty"),
    ("top_k", "llm.top_k"),
    ("stop_sequences", "llm.chat.stop_sequences"),
    ("reasoning_effort", "llm.request.reasoning_effort"),
    ("repetition_penalty", "llm.request.repetition_penalty"),
)
_SAID: Final = (
    ("input", "traceloop.entity.input"),
    ("output", "traceloop.entity.output"),
    ("input", "crewai.task.description"),
    ("output", "crewai.crew.result"),
)
_STOPS: Final = ("gen_ai.completion.0.finish_reason", "llm.response.finish_reason", "llm.response.stop_reason")
_STREAM: Final = ("gen_ai.is_streaming", "llm.is_streaming")
_CHUNKS: Final = frozenset({"gen_ai.content.completion.chunk", "llm.content.completion.chunk"})
_OWN: Final = frozenset({"session_id", "user_id"})
_FAILED: Final = "{'message': "


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    said = attributes.get("llm.request.type")
    if type(said) is str and said in _REQUESTS:
        return _REQUESTS[said]
    said = attributes.get("traceloop.span.kind")
    if type(said) is str:
        return _KINDS.get(said)
    if any(event.name.startswith("db.query.") for event in span.events):
        return "retriever"
    return None


class Reading:
    """`read` for spans with these names: what is not among them is not asked for."""

    __slots__ = ("_associated", "_entity", "_functions", "_labels", "_params", "_said", "_stops", "_stream")

    def __init__(self, names: Collection[str]) -> None:
        self._labels = present(names, _LABELS)
        self._entity = "traceloop.entity.name" in names
        self._associated = any(name.startswith(_ASSOCIATED) for name in names)
        self._stream = tuple(name for name in _STREAM if name in names)
        self._params = present(names, _PARAMS)
        self._said = present(names, _SAID)
        self._functions = "llm.request.functions.0.name" in names
        self._stops = tuple(name for name in _STOPS if name in names)

    def __call__(self, span: ForeignSpan, found: Found) -> None:
        attributes = span.attributes
        if self._labels:
            put_labels(found, attributes, self._labels)
        entity = label(attributes["traceloop.entity.name"]) if self._entity else ""
        if entity:
            field = {"agent": "agent_name", "tool": "tool_name"}.get(found.get("kind", ""))
            if field:
                put(found, field, entity)
        if self._associated:
            properties = [each for each in under(attributes, _ASSOCIATED) if each[0] not in _OWN]
            if properties:
                put(found, "metadata", entries(properties))
        if self._stream and any(attributes[name] is True for name in self._stream):
            found.setdefault("stream", True)
            _read_first_chunk(span, found)
        if self._params:
            more = {name: attributes[key] for name, key in self._params}
            put(found, "params", {**more, **params_of(attributes)})
        if self._said:
            _read_entity(attributes, self._said, found)
        if self._functions and "tools_offered" not in found:
            put(found, "tools_offered", tools_of(rows(tree(attributes, "llm.request.functions."))))
        if self._stops and "stop" not in found:
            put(found, "stop", stop_of(first(attributes, self._stops)))
        if span.status_message.startswith(_FAILED):
            _read_failure(span.status_message, found)
        if found.get("kind") == "retriever" and "documents" not in found:
            put(found, "documents", _documents(span))


def read(span: ForeignSpan, found: Found) -> None:
    """Any span."""
    Reading(span.attributes)(span, found)


def _read_failure(message: str, found: Found) -> None:
    """What failed in OpenAI's Agents is told as Python prints it: the two sentences in it are what a reader needs."""
    what, _, data = message[len(_FAILED) :].partition(", 'data': ")
    _, told, why = data.rpartition("'error': ")
    if data:
        sentences = [what[1:-1], why.removesuffix("}}")[1:-1]] if told else [what[1:-1]]
        found["error_message"] = ": ".join(sentences)


def _read_first_chunk(span: ForeignSpan, found: Found) -> None:
    """Each piece of a stream is an event without words; the first is when the answer began."""
    for event in span.events:
        if event.name in _CHUNKS:
            if event.time_ns >= span.start_ns:
                found.setdefault("ttft_ns", event.time_ns - span.start_ns)
            return


def _read_entity(attributes: Attributes, names: tuple[tuple[str, str], ...], found: Found) -> None:
    """``traceloop.entity.input`` of a decorated function is ``{"args": […], "kwargs": {…}}``, of LangChain
    ``{"inputs": …}``: what was given is shown, not the wrapping."""
    for field, name in names:
        value = attributes[name]
        if value is None or field in found:
            continue
        held = mapping(value)
        if held and field == "output" and found.get("kind") == "tool":
            held = tool_answer(held)
        put_content(found, field, _unwrapped(held) if is_object(held) and held else held or value)


def _unwrapped(held: dict[str, Any]) -> Any:
    names = held.keys()
    if names == {"args", "kwargs"}:
        args, kwargs = held["args"], held["kwargs"]
        return kwargs if kwargs and not args else args if args and not kwargs else held
    for word in ("inputs", "outputs"):
        if word in held and held[word] not in (None, "", {}, []):
            return held[word]
    if "input_str" in held:
        return held["input_str"]
    return held


def _documents(span: ForeignSpan) -> tuple[Document, ...]:
    found: list[Document] = []
    for event in span.events[:1000]:
        if event.name == "db.query.result":
            said = {name.removeprefix("db.query.result."): value for name, value in event.attributes.items()}
            score = said.get("score")
            found.append(
                Document(
                    id=label(said.get("id")),
                    content=text_of_value(said.get("document")),
                    score=number(score if score is not None else said.get("distance")),
                    metadata=mapping(said.get("metadata")),
                )
            )
    return tuple(found)


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"traceloop"}), also=frozenset({"llm", "db"}),
    scopes=("opentelemetry.instrumentation.openai.", "opentelemetry.instrumentation.crewai.", "traceloop."), own=50,
    column=30, kinds=40,
    kind=kind, read=read, fit=Reading,
)  # fmt: skip
