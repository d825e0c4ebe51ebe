"""Hypothesis strategies: canonical calls, answers and streams that a dialect can say."""

import base64
import itertools
import json
from typing import Any, TypeVar

from hypothesis import strategies as st

from trimtab.llm.dialects.gemini.stops import stop_of as gemini_stop
from trimtab.llm.dialects.openai_chat.stops import finish_reason, settled_stop
from trimtab.llm.dialects.openai_responses.stops import stop_of as responses_stop
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Finish,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Response,
    ResponseFormat,
    Start,
    StopReason,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

S = TypeVar("S", str, bytes)

words = st.text(min_size=1, max_size=12)
names = st.text("abcdefgh_", min_size=1, max_size=8)
counts = st.integers(0, 10**9)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(words, json_values, max_size=3)


def _arguments(value: Any, spaced: bool, ascii_only: bool) -> str:
    return json.dumps(value, separators=(", ", ": ") if spaced else (",", ":"), ensure_ascii=ascii_only)


argument_texts = st.builds(_arguments, objects, st.booleans(), st.booleans())

texts = st.builds(Text, words)
trimmed = words.map(str.strip).filter(bool)
plain_texts = st.builds(Text, trimmed)
"""What every vendor takes: Anthropic and Bedrock refuse white space alone, and at the end of a begun answer."""
_members: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    words, st.sampled_from([{"type": "string"}, {"type": "integer"}, {"enum": [1, "a"]}]), max_size=3
)


def _shape(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


shapes = st.builds(_shape, _members)
"""Schemas that every vendor takes."""
inline_images = st.builds(
    Image, data=st.sampled_from(["aGk=", "AAAA"]), media_type=st.sampled_from(["image/png", "image/svg+xml"])
)
linked_images = st.builds(Image, url=st.sampled_from(["https://example.org/a.png", "https://example.org/b?c=ü"]))
images = inline_images | linked_images
tool_calls = st.builds(ToolCall, names, names, argument_texts)
refusals = st.builds(Refusal, words)
thoughts = st.builds(Reasoning, text=words)
signed_thoughts = st.builds(Reasoning, text=words, signature=words) | st.builds(Reasoning, redacted=words)


def some(strategy: st.SearchStrategy[Any], low: int = 0, high: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, min_size=low, max_size=high).map(tuple)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def result(key: str, parts: tuple[Part, ...], bad: bool = False) -> Message:
    return Message("tool", (ToolResult(key, parts, bad),))


def joined(*groups: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(itertools.chain(*groups))


@st.composite
def openai_messages(draw: st.DrawFn) -> tuple[Message, ...]:
    detailed = st.builds(
        Image, url=st.just("https://example.org/c.png"), detail=st.sampled_from(["low", "high", "auto"])
    )
    outer = st.builds(
        Message,
        st.sampled_from(["system", "developer", "user"]),
        some(texts | images | detailed, 1) | st.just((Text(""),)),
        maybe(names),
    )
    answer = st.builds(
        Message,
        st.just("assistant"),
        st.builds(joined, some(thoughts, 0, 1), some(texts), some(refusals, 0, 1), some(tool_calls)),
        maybe(names),
    )
    results = st.builds(result, names, some(texts, 1))
    return tuple(draw(st.lists(outer | answer | results, min_size=1, max_size=5)))


@st.composite
def anthropic_messages(draw: st.DrawFn) -> tuple[Message, ...]:
    """As Anthropic itself has them: the system prompt first, then turns that alternate, tool results first."""
    found: list[Message] = []
    if draw(st.booleans()):
        found.append(Message("system", draw(some(texts, 1))))
    results = st.builds(result, names, some(texts | images), st.booleans())
    for turn in range(draw(st.integers(1, 4))):
        if turn % 2:
            found.append(Message("assistant", draw(some(texts | tool_calls | signed_thoughts, 1))))
            continue
        results_here = draw(st.lists(results, max_size=2))
        found += results_here
        said = draw(some(texts | images, 0 if results_here else 1))
        if said:
            found.append(Message("user", said))
    return tuple(found)


tools = st.builds(Tool, name=names, description=maybe(words), parameters=objects, strict=maybe(st.booleans()))
choices = st.sampled_from([ToolChoice(mode="auto"), ToolChoice(mode="none"), ToolChoice(mode="required")]) | st.builds(
    ToolChoice, mode=st.just("tool"), name=names
)
schemas = st.builds(
    ResponseFormat,
    kind=st.just("json_schema"),
    name=names,
    schema=maybe(objects),
    strict=maybe(st.booleans()),
    description=maybe(words),
)


@st.composite
def openai_requests(draw: st.DrawFn) -> Request:
    known = draw(some(tools))
    return Request(
        dialect="openai_chat",
        model=draw(words),
        messages=draw(openai_messages()),
        tools=known,
        tool_choice=draw(maybe(choices)),
        parallel_tool_calls=draw(maybe(st.booleans())) if known else None,
        response_format=draw(
            maybe(st.sampled_from([ResponseFormat(kind="text"), ResponseFormat(kind="json_object")]) | schemas)
        ),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        stop=draw(some(words)),
        seed=draw(maybe(st.integers(-(2**63), 2**63 - 1))),
        reasoning_effort=draw(maybe(st.sampled_from(["none", "minimal", "low", "high", "xhigh"]))),
        stream=draw(st.booleans()),
        user=draw(maybe(words)),
    )


@st.composite
def anthropic_requests(draw: st.DrawFn) -> Request:
    choice = draw(maybe(choices))
    return Request(
        dialect="anthropic_messages",
        model=draw(words),
        messages=draw(anthropic_messages()),
        tools=draw(some(tools)),
        tool_choice=choice,
        parallel_tool_calls=draw(maybe(st.booleans())) if choice is not None and choice.mode != "none" else None,
        response_format=draw(maybe(st.builds(ResponseFormat, kind=st.just("json_schema"), schema=objects))),
        max_tokens=draw(st.integers(0, 10**6)),
        temperature=draw(maybe(st.floats(0, 1))),
        top_p=draw(maybe(st.floats(0, 1))),
        top_k=draw(maybe(st.integers(0, 500))),
        stop=draw(some(words)),
        reasoning_effort=draw(maybe(st.sampled_from(["low", "medium", "high", "max"]))),
        reasoning_budget=draw(maybe(st.integers(1024, 9999))),
        stream=draw(st.booleans()),
        user=draw(maybe(words)),
    )


own_thoughts = st.builds(Reasoning, text=words, signature=words.map(lambda text: f"openai_responses:{text}"))


@st.composite
def responses_messages(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns of the model are runs of items, so no two of them stand side by side."""
    detailed = st.builds(
        Image, url=st.just("https://example.org/c.png"), detail=st.sampled_from(["low", "high", "auto"])
    )
    outer = st.builds(
        Message,
        st.sampled_from(["system", "developer", "user"]),
        some(texts | images | detailed, 1) | st.just((Text(""),)),
    )
    results = st.builds(result, names, some(texts | images, 1))
    spoken = st.builds(Message, st.just("assistant"), some(own_thoughts | texts | refusals | tool_calls, 1))
    found: list[Message] = [draw(outer | results)]
    for _ in range(draw(st.integers(0, 3))):
        found += [draw(spoken)] if draw(st.booleans()) and found[-1].role != "assistant" else []
        found.append(draw(outer | results))
    return tuple(found)


@st.composite
def responses_requests(draw: st.DrawFn) -> Request:
    known = draw(some(tools))
    formats = st.sampled_from([ResponseFormat(kind="text"), ResponseFormat(kind="json_object")]) | st.builds(
        ResponseFormat,
        kind=st.just("json_schema"),
        name=names,
        schema=objects,
        strict=maybe(st.booleans()),
        description=maybe(words),
    )
    return Request(
        dialect="openai_responses",
        model=draw(words),
        messages=draw(responses_messages()),
        tools=known,
        tool_choice=draw(maybe(choices)),
        parallel_tool_calls=draw(maybe(st.booleans())) if known else None,
        response_format=draw(maybe(formats)),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        reasoning_effort=draw(maybe(st.sampled_from(["none", "minimal", "low", "high", "xhigh"]))),
        stream=draw(st.booleans()),
        user=draw(maybe(words)),
    )


gemini_signatures = words.map(lambda text: f"gemini:{base64.b64encode(text.encode()).decode()}")
gemini_thoughts = st.builds(Reasoning, text=words, signature=gemini_signatures) | st.builds(
    Reasoning, signature=gemini_signatures
)


def apart(parts: tuple[Part, ...]) -> bool:
    """No two texts side by side, and no unsigned thought before a signature: on Gemini's wire they are one."""
    pairs = itertools.pairwise(parts)
    return not any(isinstance(a, Text) and isinstance(b, Text) for a, b in pairs)


@st.composite
def gemini_messages(draw: st.DrawFn) -> tuple[Message, ...]:
    """The system instruction first, then turns that alternate; each response follows the call it answers."""
    found: list[Message] = []
    if draw(st.booleans()):
        found.append(Message("system", (draw(texts),)))
    calls: tuple[ToolCall, ...] = ()
    for turn in range(draw(st.integers(1, 4))):
        if turn % 2:
            said = draw(some(texts | tool_calls | gemini_thoughts, 1).filter(apart))
            calls = tuple(part for part in said if isinstance(part, ToolCall))
            found.append(Message("assistant", said))
            continue
        answered = draw(st.booleans()) and bool(calls)
        given = st.builds(joined, some(texts, 1), some(images, 0, 1))
        found += [result(call.id, draw(given)) for call in calls] if answered else []
        said = draw(some(texts | images, 0 if answered else 1).filter(apart))
        found += [Message("user", said)] if said else []
    return tuple(found)


@st.composite
def gemini_requests(draw: st.DrawFn) -> Request:
    formats = st.sampled_from([ResponseFormat(kind="text"), ResponseFormat(kind="json_object")]) | st.builds(
        ResponseFormat, kind=st.just("json_schema"), schema=objects
    )
    effort = draw(maybe(st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"])))
    return Request(
        dialect="gemini",
        model=draw(words.map(lambda text: "gemini-3-" + text)),
        messages=draw(gemini_messages()),
        tools=draw(some(st.builds(Tool, name=names, description=maybe(words), parameters=objects))),
        tool_choice=draw(maybe(choices)),
        response_format=draw(maybe(formats)),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        top_k=draw(maybe(st.integers(0, 500))),
        stop=draw(some(words)),
        seed=draw(maybe(st.integers(-(2**63), 2**63 - 1))),
        reasoning_effort=effort,
        reasoning_budget=draw(maybe(st.integers(1, 9999))) if effort is None else None,
        stream=draw(st.booleans()),
    )


@st.composite
def common_requests(draw: st.DrawFn) -> Request:
    """What both dialects can say, in the form both would give it back."""
    found: list[Message] = []
    if draw(st.booleans()):
        found.append(Message("system", draw(some(plain_texts, 1))))
    results = st.builds(result, names, some(plain_texts, 1))
    answer = st.builds(joined, some(plain_texts), some(tool_calls)).filter(bool)
    for turn in range(draw(st.integers(1, 4))):
        if turn % 2:
            found.append(Message("assistant", draw(answer)))
            continue
        if turn:
            found += draw(st.lists(results, max_size=2))
        found.append(Message("user", draw(some(plain_texts | images, 1))))
    choice = draw(maybe(choices))
    shaped = st.builds(Tool, name=names, description=maybe(words), parameters=shapes, strict=maybe(st.booleans()))
    known = draw(some(shaped, 1 if choice else 0))
    schema = st.builds(ResponseFormat, kind=st.just("json_schema"), name=st.just("answer"), schema=shapes)
    return Request(
        model=draw(words),
        messages=tuple(found),
        tools=known,
        tool_choice=choice,
        parallel_tool_calls=draw(maybe(st.booleans())) if choice is not None and choice.mode != "none" else None,
        response_format=draw(maybe(schema)),
        max_tokens=draw(st.integers(16, 10**6)),  # Responses takes no fewer
        temperature=draw(maybe(st.floats(0, 1))),
        top_p=draw(maybe(st.floats(0, 1))),
        stop=draw(some(trimmed)),
        reasoning_effort=draw(maybe(st.sampled_from(["low", "medium", "high", "xhigh", "max"]))),
        stream=draw(st.booleans()),
        user=draw(maybe(words)),
    )


# --- answers ---


@st.composite
def usages(draw: st.DrawFn, *, one_hour: bool, audio: bool) -> Usage:
    written = draw(counts)
    return Usage(
        input=draw(counts),
        cache_read=draw(counts),
        cache_write=written,
        cache_write_1h=draw(st.integers(0, written)) if one_hour else 0,
        output=draw(counts),
        reasoning=draw(counts),
        audio_input=draw(counts) if audio else 0,
        audio_output=draw(counts) if audio else 0,
    )


@st.composite
def openai_responses(draw: st.DrawFn) -> Response:
    parts: tuple[Part, ...] = (
        *draw(some(thoughts, 0, 1)),
        *draw(some(texts, 0, 1)),
        *draw(some(refusals, 0, 1)),
        *draw(some(tool_calls)),
    )
    stop = settled_stop(draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"])), parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    return Response(
        id=draw(words),
        model=draw(words),
        created=draw(st.integers(0, 2**31)),
        parts=parts,
        stop=stop,
        stop_raw=finish_reason(stop, refused_in_words=refused),
        usage=draw(maybe(usages(one_hour=False, audio=True))),
    )


_ANTHROPIC: dict[str, StopReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "length",
}


@st.composite
def anthropic_responses(draw: st.DrawFn) -> Response:
    word = draw(st.sampled_from(sorted(_ANTHROPIC)))
    return Response(
        id=draw(words),
        model=draw(words),
        parts=draw(some(texts | tool_calls | signed_thoughts)),
        stop=_ANTHROPIC[word],
        stop_raw=word,
        usage=draw(usages(one_hour=True, audio=False)),
    )


@st.composite
def responses_responses(draw: st.DrawFn) -> Response:
    parts: tuple[Part, ...] = draw(some(own_thoughts | texts | refusals | tool_calls, 0, 4))
    word = draw(st.sampled_from(["completed", "max_output_tokens", "content_filter"]))
    kinds: dict[type[Part], str] = {ToolCall: "function_call", Refusal: "refusal"}
    return Response(
        id=draw(words),
        model=draw(words),
        created=draw(st.integers(0, 2**31)),
        parts=parts,
        stop=responses_stop(word, [kinds.get(type(part), "message") for part in parts]),
        stop_raw=word,
        usage=draw(maybe(usages(one_hour=False, audio=False))),
    )


@st.composite
def gemini_responses(draw: st.DrawFn) -> Response:
    parts: tuple[Part, ...] = draw(some(gemini_thoughts | texts | tool_calls, 0, 4).filter(apart))
    word = draw(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL"]))
    return Response(
        id=draw(words),
        model=draw(words),
        parts=parts,
        stop=gemini_stop(word, called=any(isinstance(part, ToolCall) for part in parts)),
        stop_raw=word,
        usage=draw(maybe(usages(one_hour=False, audio=False))),
    )


@st.composite
def common_responses(draw: st.DrawFn) -> Response:
    """What both dialects can say: a text, then tool calls."""
    calls = draw(some(tool_calls))
    stops: list[StopReason] = ["tool_calls", "length"] if calls else ["stop", "length"]
    return Response(
        id=draw(words),
        model=draw(words),
        parts=(*draw(some(texts, 0, 1)), *calls),
        stop=draw(st.sampled_from(stops)),
        usage=draw(usages(one_hour=False, audio=False)),
    )


REQUESTS = {
    "openai_chat": openai_requests(),
    "anthropic_messages": anthropic_requests(),
    "openai_responses": responses_requests(),
    "gemini": gemini_requests(),
}
RESPONSES = {
    "openai_chat": openai_responses(),
    "anthropic_messages": anthropic_responses(),
    "openai_responses": responses_responses(),
    "gemini": gemini_responses(),
}


# --- streams ---


def differences(one: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    """The fields in which two values of one struct differ; empty if they are equal."""
    fields: tuple[str, ...] = one.__struct_fields__
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in fields)
    return {name: (a, b) for name, a, b in pairs if a != b}


def deltas_of(response: Response, cuts: st.DataObject) -> list[Delta]:
    """The stream a whole answer could have come as; its pieces are cut where ``cuts`` says."""
    out: list[Delta] = [Start(id=response.id, model=response.model, created=response.created)]
    for index, part in enumerate(response.parts):
        out += _block(index, part, cuts)
    out.append(Finish(stop=response.stop, stop_raw=response.stop_raw, usage=response.usage))
    return out


def _block(index: int, part: Part, cuts: st.DataObject) -> list[Delta]:
    match part:
        case Text():
            opened, text = BlockOpen(index=index, kind="text"), part.text
        case Refusal():
            opened, text = BlockOpen(index=index, kind="refusal"), part.text
        case ToolCall():
            opened, text = BlockOpen(index=index, kind="tool_call", id=part.id, name=part.name), part.arguments
        case Reasoning():
            opened, text = BlockOpen(index=index, kind="reasoning", redacted=part.redacted), part.text
        case _:
            raise AssertionError(part)
    out: list[Delta] = [opened]
    out += [BlockGrow(index=index, text=piece) for piece in pieces(text, cuts)]
    if isinstance(part, Reasoning) and part.signature is not None:
        out.append(BlockGrow(index=index, signature=part.signature))
    return [*out, BlockClose(index=index)]


def pieces(whole: S, cuts: st.DataObject) -> list[S]:
    """``whole`` cut at a few drawn places."""
    places = sorted(cuts.draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=4))) if len(whole) > 1 else []
    edges = [0, *places, len(whole)]
    return [whole[a:b] for a, b in itertools.pairwise(edges) if a < b]
