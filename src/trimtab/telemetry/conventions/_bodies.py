"""What went to a vendor and what came back, as emitters that patch the vendors' clients tell it whole: OpenAI's Chat
Completions, Responses and embeddings, Anthropic's Messages (MLflow's and LangSmith's spans of such calls; of Haystack's
and LlamaIndex's what they used)."""

from collections.abc import Mapping
from typing import Any, Final

from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of, tools_of, with_system
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Found,
    count,
    first,
    is_list,
    is_object,
    label,
    mapping,
    put,
    put_content,
    put_labels,
)

_PARAMS: Final = (
    "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "max_output_tokens", "frequency_penalty",
    "presence_penalty", "seed", "stop", "stop_sequences", "reasoning_effort", "reasoning", "n", "service_tier",
    "response_format", "text",
)  # fmt: skip


def read_request(found: Found, body: dict[str, Any]) -> None:
    """Its model, its messages with the instructions in front, parameters, tools, and whether it asked for a stream."""
    put(found, "model", label(body.get("model")))
    if found.get("kind") == "embedding":
        put_content(found, "input", body.get("input"))
        return
    asked = body.get("messages")
    if asked is None and "model" in body:
        asked = body.get("input")  # Responses take a text alone, too
    if looks_like_messages(asked) or (type(asked) is str and asked):
        instructions = body.get("system") or body.get("instructions")
        put(found, "input_messages", with_system(messages_of(asked), instructions))
    put(found, "tools_offered", tools_of(body.get("tools")))
    put(found, "params", {name: body[name] for name in _PARAMS if body.get(name) is not None})
    if body.get("stream") is True:
        found.setdefault("stream", True)


def read_answer(found: Found, body: dict[str, Any]) -> None:
    """Its messages, why it ended, its id and the model that made it. Of vectors only what they used."""
    if found.get("kind") == "embedding":
        if is_list(body.get("data")):
            put(found, "model_used", label(body.get("model")))
            found.setdefault("output", None)  # thousands of numbers, which nobody reads
            _count_input(found, mapping(body.get("usage")))
        return
    choices, items = body.get("choices"), body.get("output")
    if is_list(choices):
        put(found, "output_messages", messages_of(choices, "assistant"))
        head = choices[0] if choices else None
        put(found, "stop", stop_of(head.get("finish_reason")) if is_object(head) else "")
    elif body.get("object") == "response" and is_list(items):
        put(found, "output_messages", messages_of(items, "assistant"))
        put(found, "stop", _why_it_ended(body, items))
    elif body.get("type") == "message" and is_list(body.get("content")):
        put(found, "output_messages", messages_of(body, "assistant"))
        put(found, "stop", stop_of(body.get("stop_reason")))
    else:
        return
    put(found, "model_used", label(body.get("model")))
    put(found, "response_id", label(body.get("id")))


def _why_it_ended(body: dict[str, Any], items: list[Any]) -> str:
    if any(is_object(each) and each.get("type") == "function_call" for each in items):
        return "tool_calls"
    cut = mapping(body.get("incomplete_details")).get("reason")
    return stop_of(cut if cut else body.get("status"))


def read_used(found: Found, usage: dict[str, Any]) -> None:
    """What a vendor's answer says it used: OpenAI's Chat Completions and Responses, Anthropic's Messages, or these
    under the others' names, as frameworks make them alike."""
    asked = mapping(first(usage, ("prompt_tokens_details", "input_tokens_details")))
    told = mapping(first(usage, ("completion_tokens_details", "output_tokens_details")))
    read = first(usage, ("cache_read_input_tokens",))
    write = first(usage, ("cache_creation_input_tokens", "cache_write_input_tokens"))  # Bedrock's, of Haystack
    counts = Counts(
        input=count(first(usage, ("prompt_tokens", "input_tokens"))),
        output=count(first(usage, ("completion_tokens", "output_tokens"))),
        total=count(usage.get("total_tokens")),
        cache_read=count(first(asked, ("cached_tokens",)) or read),
        cache_write=count(first(asked, ("cache_write_tokens",)) or write),
        cache_write_1h=count(mapping(usage.get("cache_creation")).get("ephemeral_1h_input_tokens")),
        reasoning=count(first(told, ("reasoning_tokens", "thinking_tokens"))),
        audio_input=count(asked.get("audio_tokens")),
        audio_output=count(told.get("audio_tokens")),
        input_excludes_cache=not asked and (read is not None or write is not None),
    )
    if "usage" not in found:
        used = buckets(counts)
        if used is not None:
            found["usage"] = used
            found["total_tokens"] = counts.total


def _count_input(found: Found, usage: dict[str, Any]) -> None:
    told = buckets(Counts(input=count(usage.get("prompt_tokens"))))
    if told is not None:
        put(found, "usage", told)


def read_agents_graph(metadata: Mapping[str, Any], found: Found) -> None:
    """LangChain's `create_agent` is a graph, told as a chain; the span outside of its nodes is the agent's run."""
    if metadata.get("ls_integration") != "langchain_create_agent" or "langgraph_node" in metadata:
        return
    if found.get("kind") == "workflow":
        found["kind"] = "agent"
        put_labels(found, metadata, (("agent_name", "lc_agent_name"),))


def tool_answer(value: Any) -> Any:
    """What a tool said, where LangChain's message around it is told: ``{"output": …}``, serialised (``lc``) or not."""
    inner = value
    if is_object(inner) and "output" in inner and inner.keys() <= {"output", "kwargs"}:
        inner = inner["output"]
    if is_object(inner) and "lc" in inner and is_object(inner.get("kwargs")):
        path = inner.get("id")
        inner = {"type": path[-1] if is_list(path) and path else "", **inner["kwargs"]}
    if is_object(inner) and inner.get("type") in ("tool", "ToolMessage") and "tool_call_id" in inner:
        return inner.get("content")
    return value
