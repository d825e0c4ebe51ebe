"""Foreign spans of a project that keeps no content (``capture_content`` off): what was said is taken out at the door.

Nobody can list every name under which some tool writes a prompt, so this is no list of what to remove. Of each
attribute the name is cut into words, and

- counts (``usage``, ``tokens``, ``cost``, ``score``, ...) keep their numbers, also where they are JSON;
- what stands under a word of content (``input``, ``message``, ``arguments``, ...) goes, and so does JSON whatever its
  name is: of an object that is a provider's answer, usage, model, id and finish reason stay, for tokens are counted by
  them;
- names, ids, models and other labels stay as far as they are short; so do the application's own attributes and
  metadata, as long as a convention would have made metadata of them;
- any other text of a convention's own stays only where it looks like a word and not like a sentence.

Errors' own words and names of spans stay, as they do for calls of the gateway. A span that was treated so says it in
`CONTENT_MARK`; the mapper makes no texts of it, whatever is left.
"""

import re
from functools import lru_cache
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import structs

from trimtab.llm.types import Usage
from trimtab.telemetry.canonical import COUNTED, CanonicalSpan
from trimtab.telemetry.foreign.spans import CONTENT_MARK, Attributes, ForeignEvent, ForeignLink, ForeignSpan

Place = Literal["count", "label", "own", "content", "convention"]
"""What an attribute's name says it holds; ``own`` is the application's metadata."""

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W_]")
_COUNTS: Final = frozenset(
    (
        "usage", "token", "tokens", "cost", "costs", "count", "counts", "ttft", "duration", "latency", "time",
        "score", "scores", "index", "retries", "temperature", "price", "distance",
    )
)  # fmt: skip
_CONTENT: Final = frozenset(
    (
        "input", "inputs", "output", "outputs", "prompt", "prompts", "completion", "completions", "message",
        "messages", "msg", "content", "contents", "text", "texts", "body", "argument", "arguments", "args",
        "kwargs", "result", "results", "query", "question", "answer", "answers", "document", "documents",
        "statement", "transcript", "instruction", "instructions", "thinking", "thought", "reasoning", "value",
        "values", "object", "objects", "record", "records", "chunk", "chunks", "data", "state", "calls",
        "definitions", "explanation", "comment", "comments", "stacktrace", "ctx", "context", "embedding",
        "embeddings", "vector", "vectors", "events", "ranking", "schema", "template", "variables", "payload",
        "html", "markdown", "pii", "description", "summary", "title", "subject", "caption", "refusal",
    )
)  # fmt: skip
_EXCHANGED: Final = frozenset(("request", "response"))
"""Of content where a name ends with them: ``llm_request``."""
_LABELS: Final = frozenset(
    (
        "name", "id", "ids", "model", "provider", "system", "type", "kind", "version", "level", "role", "reason",
        "reasons", "status", "code", "method", "environment", "release", "tags", "tag", "session", "user", "label",
        "key", "node", "subtype", "tier", "operation", "vendor", "identifier", "hash", "class", "slug",
    )
)  # fmt: skip
_OWN: Final = frozenset(("metadata", "properties"))
_SETTINGS: Final = frozenset(("parameters", "settings", "configuration", "config"))
_STAYS: Final = frozenset(
    (
        "ag2.usage.kind",
        "exception.message", "gen_ai.output.type", "gen_ai.prompt.name", "gen_ai.prompt.version", "input.mime_type",
        "langfuse.observation.completion_start_time", "langfuse.observation.prompt.name",
        "langfuse.observation.prompt.version", "langfuse.observation.status_message", "llm.prompt_template.version",
        "output.mime_type", "prompt.id", "traceloop.prompt.key", "traceloop.prompt.version", "trimtab.feature",
    )
)  # fmt: skip
"""Labels in spite of a word in their names, or without one that says so."""
_FAMILY: Final = re.compile("[.:]")
_TOKEN: Final = re.compile(r"[!-~]{1,200}|\S{1,20}")
"""A word; what is written without spaces between words (Chinese, Japanese, Thai) only while it is as short as one."""
_BLANK: Final = " \t\r\n\v\f\u00a0\ufeff"
"""What may stand before JSON and does not make it a word."""
_FIGURE: Final = re.compile(r"[-+\d.:eTZ, \"]{1,64}")
_USAGE: Final = re.compile(r"usage|token", re.IGNORECASE)
_OPERATIONS: Final = {"llm": "chat", "embedding": "embeddings", "reranker": "rerank"}
"""How OpenTelemetry calls what counts: of a span whose kind was told by content alone (Haystack's of an agent)."""
_TOLD: Final = ("id", "model", "model_name", "modelVersion", "finish_reason", "finishReason", "stop_reason", "object")
"""Of an object that is a provider's answer, the texts at its top that stay."""
_LABEL, _OWN_LABEL, _ERROR = 200, 500, 4_000
_DEPTH, _FIGURES = 6, 64


def without_content(span: ForeignSpan) -> ForeignSpan:
    """The span with the labels and numbers that it has, and nothing of what was said. Never raises."""
    attributes = _kept(span.attributes)
    told = _read(span)
    is_counted = told is not None and told.kind in COUNTED
    if told is not None and is_counted:  # told in the midst of content by some: usage is counted once by the id
        if told.response_id:
            attributes.setdefault("gen_ai.response.id", told.response_id)
        if told.stop:
            attributes.setdefault("gen_ai.response.finish_reasons", [told.stop])
    attributes[CONTENT_MARK] = "off"
    left = structs.replace(
        span,
        attributes=attributes,
        events=tuple(ForeignEvent(each.name, each.time_ns, _kept(each.attributes, True)) for each in span.events),
        links=tuple(ForeignLink(each.trace_id, each.span_id, _kept(each.attributes)) for each in span.links),
    )
    if told is not None and is_counted and told.usage is not None:
        again = _read(left)
        if again is None or again.kind != told.kind:
            attributes["gen_ai.operation.name"] = _OPERATIONS[told.kind]
        if again is None or (told.model and not again.model):  # its price goes by it
            attributes["gen_ai.request.model"] = told.model[:_LABEL]
        if again is None or again.usage != told.usage:
            attributes |= _in_words(told.usage)  # counts in the midst of content, too (LangSmith's of LangChain)
    return left


def _read(span: ForeignSpan) -> CanonicalSpan | None:
    from trimtab.telemetry.conventions import canonical

    try:
        return canonical(span)
    except Exception:  # noqa: BLE001  a plug is called: the door must not fail for it, which would be sent again for ever
        return None


def _in_words(usage: Usage) -> Attributes:
    """A usage by OpenTelemetry's names, whose input and output are whole."""
    told = {
        "input_tokens": usage.input + usage.cache_read + usage.cache_write,
        "output_tokens": usage.output + usage.reasoning,
        "cache_read.input_tokens": usage.cache_read,
        "cache_write.input_tokens": usage.cache_write,
        "cache_write_1h.input_tokens": usage.cache_write_1h,
        "reasoning.output_tokens": usage.reasoning,
        "audio.input_tokens": usage.audio_input,
        "audio.output_tokens": usage.audio_output,
    }
    whole = {"input_tokens", "output_tokens"}
    return {f"gen_ai.usage.{name}": tokens for name, tokens in told.items() if tokens or name in whole}


def _kept(attributes: Attributes, of_event: bool = False) -> Attributes:
    """An event's attributes are nobody's metadata: a sentence among them was said by somebody."""
    kept: Attributes = {}
    for name, value in attributes.items():
        place = place_of(name[:_LABEL])
        left = _left(name, value, "convention" if of_event and place == "own" else place)
        if left is not None:
            kept[name] = left
    return kept


def _left(name: str, value: Any, place: Place) -> Any:
    """What stays of an attribute; None for nothing."""
    if name in _STAYS:
        return value[:_ERROR] if isinstance(value, str) else None if isinstance(value, list | dict) else value
    if place == "count":
        return _figures(_opened(value), value)
    if isinstance(value, bool | int | float):
        return None if place == "content" else value
    opened = _opened(value)
    if isinstance(opened, dict):
        fields = cast("dict[str, Any]", opened)
        left = _fields(fields) if _is_list_of_labels(name) else _told(fields)
        return _as_it_came(left, value) if left else None
    if place == "content":
        return None
    if isinstance(opened, list):
        return _listed(cast("list[Any]", opened), value, place)
    return value if isinstance(value, str) and _is_label(value, place) else None


def _is_label(text: str, place: Place) -> bool:
    """JSON is none, also where it was cut off in the middle, as SDKs do with what is too long for them."""
    if text.lstrip(_BLANK)[:1] in ("{", "["):
        return False
    if place == "convention":
        return _TOKEN.fullmatch(text) is not None
    return len(text) <= (_OWN_LABEL if place == "own" else _LABEL)


@lru_cache(8192)
def place_of(name: str) -> Place:
    """By its words: of several that it has the first here wins."""
    words = [word.lower() for word in _WORD.findall(name)] or [""]
    known = _FAMILY.split(name, 1)[0] in _families()
    content = words[-1] in _EXCHANGED or not _CONTENT.isdisjoint(words) or words[-2:] == ["tool", "parameters"]
    if not _COUNTS.isdisjoint(words) and (known or content):
        return "count"
    if words[-1] == "role" or words[-2:] in (["finish", "reason"], ["finish", "reasons"]):
        return "label"
    if content:
        return "content"
    if not _OWN.isdisjoint(words) or not known:
        return "own"
    return "label" if words[-1] in _LABELS else "convention"


@lru_cache(1)
def _families() -> frozenset[str]:
    """What the names of conventions begin with."""
    from trimtab.telemetry.conventions import CONVENTIONS

    return frozenset[str]().union(*(plug.families | plug.also for plug in CONVENTIONS.all().values()))


def _is_list_of_labels(name: str) -> bool:
    """Whether an object of this name is metadata or settings, so that each of its fields is a label."""
    words = [word.lower() for word in _WORD.findall(name[:_LABEL])]
    return "tool" not in words and not (_OWN.isdisjoint(words) and _SETTINGS.isdisjoint(words[-1:]))


def _opened(value: Any) -> Any:
    """JSON in a text, as its value where it is an object or a list, at most twice wrapped; anything else as it is."""
    for _ in range(2):
        if not isinstance(value, str) or (bare := value.lstrip(_BLANK))[:1] not in ("{", "[", '"'):
            return value
        try:
            value = msgspec.json.decode(bare)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return value
    return value


def _as_it_came(left: Any, value: Any) -> Any:
    return msgspec.json.encode(left).decode() if isinstance(value, str) else left


def _figures(opened: Any, value: Any) -> Any:
    """Of a count: numbers, also as text, and the numbers of an object."""
    if isinstance(opened, bool | int | float):
        return value
    if isinstance(opened, str):
        return value if _FIGURE.fullmatch(opened) else None
    left = _numbers(opened, 0)
    return _as_it_came(left, value) if left else None


def _numbers(value: Any, depth: int) -> Any:
    """An object or list with nothing but its numbers; a short kind of tokens (``modality``) stays in capitals."""
    if depth > _DEPTH:
        return None
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if _FIGURE.fullmatch(value) or (value.isupper() and value.isalpha() and len(value) < 12) else None
    if isinstance(value, dict):
        fields = {name: _numbers(each, depth + 1) for name, each in cast("dict[str, Any]", value).items()}
        return {name: each for name, each in fields.items() if each is not None} or None
    if isinstance(value, list):
        every = [_numbers(each, depth + 1) for each in cast("list[Any]", value)[:_FIGURES]]
        return [each for each in every if each is not None] or None
    return None


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Of metadata or settings: what would stay as an attribute, and the counts in what is nested."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            if counts := _counts_in(cast("dict[str, Any]", value), 0):
                kept[name] = counts
            continue
        is_said = isinstance(value, list) or place_of(name[:_LABEL]) == "content"
        if not is_said and (not isinstance(value, str) or _is_label(value, "label")):
            kept[name] = value
    return kept


def _counts_in(fields: dict[str, Any], depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if _USAGE.search(name):
            left = _numbers(value, depth)
        elif isinstance(value, dict) and depth < _DEPTH:
            left = _counts_in(cast("dict[str, Any]", value), depth + 1) or None
        else:
            continue
        if left is not None:
            kept[name] = left
    return kept


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    """Of an object of content, the usage that it reports; with that, what else tells of a provider's answer."""
    kept = {
        name: left
        for name, value in fields.items()
        if _USAGE.search(name) and isinstance(value, dict) and (left := _numbers(value, 0)) is not None
    }
    if kept or isinstance(fields.get("choices"), list) or isinstance(fields.get("candidates"), list):
        for name in _TOLD:
            value = fields.get(name)
            if isinstance(value, str) and _TOKEN.fullmatch(value):
                kept[name] = value
    return kept


def _listed(opened: list[Any], value: Any, place: Place) -> Any:
    if not all(isinstance(each, str | bool | int | float) for each in opened) or len(opened) > _FIGURES:
        return None
    left = [each for each in opened if not isinstance(each, str) or _is_label(each, place)]
    return _as_it_came(left, value) if left else None
