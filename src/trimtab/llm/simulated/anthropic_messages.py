"""A simulated Anthropic. https://docs.claude.com/en/api/messages and /en/docs/build-with-claude/streaming

The shapes are those of Anthropic's reference and of the types in its Python SDK; the errors those of its error page.
Refusals that the reference does not tell of, as users met them: of white space
https://github.com/anthropics/claude-code/issues/23440 and https://github.com/BerriAI/litellm/issues/3286, of ids
https://github.com/maximhq/bifrost/issues/5097, of tools https://github.com/Kilo-Org/kilocode/issues/12238, of schemas
https://github.com/ax-llm/ax/issues/458, of a begun answer
https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response, of marks of a cache
https://github.com/tghamm/Anthropic.SDK/issues/50.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.simulated import claude
from trimtab.llm.simulated.answers import Ask, Said, an_object, answer, count, is_base64, objects, pieces_of
from trimtab.llm.simulated.pictures import colour_of
from trimtab.llm.simulated.scenario import Scenario

PATH = "/v1/messages"
MODELS = ("claude-sonnet-4-5", "claude-haiku-4-5")
SIGNATURE = "c2ltdWxhdGVkLXNpZ25hdHVyZQ=="

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength")

_ERRORS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "model: not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


class Refused(Exception):
    """The request is one that Anthropic would not take."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        kind = _ERRORS[status][0]
        self.body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}


def presented_key(headers: dict[str, str]) -> str | None:
    return headers.get("x-api-key")


def answer_headers(number: int) -> dict[str, str]:
    return {"request-id": _request_id(number), "anthropic-organization-id": "simulated"}


def error_headers(number: int, status: int) -> dict[str, str]:  # noqa: ARG001 - the same for all
    return answer_headers(number)


def error_body(status: int, number: int, message: str | None = None) -> bytes:
    kind, words = _ERRORS.get(status) or _ERRORS[500 if status >= 500 else 400]
    error = {"type": kind, "message": message or words}
    return _dump({"type": "error", "error": error, "request_id": _request_id(number)})


def stream_error(number: int, message: str | None = None) -> bytes:
    return b"event: error\ndata: " + error_body(529, number, message) + b"\n\n"


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` for what the vendor refuses first."""
    for name in ("model", "max_tokens", "messages"):
        if body.get(name) is None:
            raise Refused(f"{name}: Field required")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise Refused("messages: at least one message is required")
    for index, message in enumerate(cast("list[Any]", messages)):
        _check_message(index, an_object(message))
    for index, tool in enumerate(objects(body.get("tools"))):
        if tool.get("type", "custom") == "custom" and not isinstance(tool.get("input_schema"), dict):
            raise Refused(f"tools.{index}.custom.input_schema: Field required")
        if tool.get("type", "custom") == "custom" and tool["input_schema"].get("type") != "object":
            raise Refused(f"tools.{index}.custom.input_schema.type: Field required")
        if "input_schema" in tool and not _TOOL_NAME.fullmatch(str(tool.get("name"))):
            raise Refused(f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    if body.get("tool_choice") is not None and not body.get("tools"):
        raise Refused("tool_choice may only be specified while providing tools.")
    for stop in cast("list[Any]", body.get("stop_sequences") or []):
        if not str(stop).strip():
            raise Refused("stop_sequences: each stop sequence must contain non-whitespace")
    format_ = an_object(an_object(body.get("output_config")).get("format") or body.get("output_format"))
    _check_schema(format_.get("schema"))
    _check_begun(an_object(messages[-1]))
    if (marks := _marks(body)) > 4:
        raise Refused(f"A maximum of 4 blocks with cache_control may be provided. Found {marks}.")


def _check_begun(last: dict[str, Any]) -> None:
    """An answer that was begun for the model."""
    content = last.get("content")
    blocks = objects(content)
    text = content if isinstance(content, str) else str(blocks[-1].get("text", "")) if blocks else ""
    if last.get("role") == "assistant" and text != text.rstrip():
        raise Refused("messages: final assistant content cannot end with trailing whitespace")


def _check_schema(schema: Any) -> None:
    if isinstance(schema, list):
        for each in cast("list[Any]", schema):
            _check_schema(each)
    if not isinstance(schema, dict):
        return
    known = an_object(schema)
    if known.get("type") == "object" and known.get("additionalProperties") is not False:
        raise Refused(
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    for name in _BOUNDS:
        if known.get(name) is not None and "type" in known:
            raise Refused(
                f"output_config.format.schema: For '{known['type']}' type, property '{name}' is not supported"
            )
    for name, inner in known.items():
        members = an_object(inner).values() if name in ("properties", "$defs") else [inner]
        for each in members if name not in ("enum", "const", "default") else ():
            _check_schema(each)


def _marks(value: Any) -> int:
    """Of how far a cache may keep the prompt, wherever they stand."""
    if isinstance(value, list):
        return sum(_marks(each) for each in cast("list[Any]", value))
    if not isinstance(value, dict):
        return 0
    known = an_object(value)
    return ("cache_control" in known) + sum(
        _marks(known.get(name)) for name in ("tools", "system", "messages", "content")
    )


def check_model(body: dict[str, Any], model: str) -> None:
    """Raises `Refused` for what this model refuses and others do not."""
    if words := claude.refusal(body, model):
        raise Refused(words)


def _check_message(index: int, message: dict[str, Any]) -> None:
    if message.get("role") not in ("user", "assistant", "system"):
        raise Refused(f'messages.{index}.role: Input should be "user" or "assistant"')
    blocks = message.get("content")
    if not blocks:
        raise Refused(f"messages.{index}: all messages must have non-empty content")
    seen_other = False
    for at, block in enumerate(objects(blocks)):
        kind = block.get("type")
        if kind == "text" and not block.get("text"):
            raise Refused(f"messages.{index}.content.{at}: text content blocks must be non-empty")
        if kind == "text" and not str(block["text"]).strip():
            raise Refused("messages: text content blocks must contain non-whitespace text")
        for name in ("id", "tool_use_id") if kind in ("tool_use", "tool_result") else ():
            if name in block and not _ID.fullmatch(str(block[name])):
                words = f"messages.{index}.content.{at}.{kind}.{name}: String should match pattern"
                raise Refused(f"{words} '^[a-zA-Z0-9_-]+$'")
        if kind == "thinking" and not block.get("signature"):
            raise Refused(f"messages.{index}.content.{at}.thinking.signature: Field required")
        if kind == "thinking" and ":" in str(block["signature"]):
            raise Refused(f"messages.{index}.content.{at}: Invalid `signature` in `thinking` block")
        if kind == "tool_use" and not isinstance(block.get("input"), dict):
            raise Refused(f"messages.{index}.content.{at}.tool_use.input: Input should be a valid dictionary")
        if kind in ("document", "image"):
            _check_source(f"messages.{index}.content.{at}.{kind}.source", kind, an_object(block.get("source")))
        if kind == "tool_result" and seen_other:
            raise Refused(f"messages.{index}: `tool_result` blocks must come before all other blocks of the message")
        seen_other = seen_other or kind != "tool_result"


def _check_source(where: str, kind: str, source: dict[str, Any]) -> None:
    match source.get("type"):
        case "base64":
            if not is_base64(source.get("data")):
                raise Refused(f"{where}.base64.data: Invalid base64 data")
        case "text" if kind == "document":
            if source.get("media_type") != "text/plain":
                raise Refused(f"{where}.text.media_type: Input should be 'text/plain'")
        case "url":
            if not str(source.get("url")).startswith("https://"):
                raise Refused(f"{where}.url.url: Only HTTPS URLs are supported.")
        case "file" | "content":
            pass
        case other:
            raise Refused(f"{where}: Input tag '{other}' found using 'type' does not match any of the expected tags")


def ask_of(body: dict[str, Any]) -> Ask:
    messages = cast("list[dict[str, Any]]", body["messages"])
    texts = [_text(m["content"]) for m in messages]
    users = [text for m, text in zip(messages, texts, strict=True) if m["role"] == "user" and text]
    last = messages[-1]["content"]
    choice = an_object(body.get("tool_choice"))
    format_ = an_object(an_object(body.get("output_config")).get("format") or body.get("output_format"))
    tools = [t for t in objects(body.get("tools")) if isinstance(t.get("input_schema"), dict)]
    return Ask(
        last_text=users[-1] if users else "",
        prompt_tokens=sum(3 + count(text) for text in texts) + count(_text(body.get("system"))),
        answers_tool=any(block.get("type") == "tool_result" for block in objects(last)),
        tools=tuple((t["name"], t["input_schema"]) for t in tools),
        tool_mode={"any": "required", "none": "none"}.get(choice.get("type"), "auto"),  # type: ignore[arg-type]
        tool_name=choice.get("name"),
        schema=format_.get("schema"),
        max_tokens=body["max_tokens"],
        stop=tuple(body.get("stop_sequences") or ()),
        system=_text(body.get("system") or ""),
        before=" ".join(texts[:-1]),
        tool_text=" ".join(_text(b.get("content") or "") for b in objects(last) if b.get("type") == "tool_result"),
        colour=_colour(last),
        parallel=not choice.get("disable_parallel_tool_use"),
    )


def _colour(content: Any) -> str:
    pictures = [
        an_object(block.get("source")).get("data") for block in objects(content) if block.get("type") == "image"
    ]
    return colour_of(str(pictures[-1])) if pictures else ""


def whole(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:
    said = answer(ask_of(body), scenario)
    content: list[dict[str, Any]] = []
    if scenario.compacted:
        content.append({"type": "compaction", "content": _summary(scenario)})
    thought = _thought(body, scenario)
    if thought:
        content.append({"type": "thinking", "thinking": thought, "signature": SIGNATURE})
    if said.pieces:
        content.append({"type": "text", "text": "".join(said.pieces)})
    for index, (name, text) in enumerate(said.calls):
        content.append({"type": "tool_use", "id": _tool_id(number, index), "name": name, "input": _input(text)})
    told = _message(model, number) | {"content": content} | _stop(said)
    return _dump(told | {"usage": _usage(body, said, scenario, said.output_tokens)})


def stream(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]:
    """The events of an answer, each whole."""
    said = answer(ask_of(body), scenario)
    start: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
    start |= {"usage": _usage(body, said, scenario, 1)}
    yield _event("message_start", message=_message(model, number) | start)
    index = 0
    if scenario.compacted:
        yield _event("content_block_start", index=0, content_block={"type": "compaction", "content": None})
        delta = {"type": "compaction_delta", "content": _summary(scenario), "encrypted_content": None}
        yield _event("content_block_delta", index=0, delta=delta)
        yield _event("content_block_stop", index=0)
        index = 1
    thought = _thought(body, scenario)
    if thought:
        yield _event(
            "content_block_start", index=index, content_block={"type": "thinking", "thinking": "", "signature": ""}
        )
        for piece in pieces_of(thought):
            yield _event("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": piece})
        yield _event("content_block_delta", index=index, delta={"type": "signature_delta", "signature": SIGNATURE})
        yield _event("content_block_stop", index=index)
        index += 1
    if said.pieces:
        yield _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        yield _event("ping")
        for piece in said.pieces:
            yield _event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        yield _event("content_block_stop", index=index)
    for at, (name, text) in enumerate(said.calls):
        block: dict[str, Any] = {"type": "tool_use", "id": _tool_id(number, at), "name": name, "input": {}}
        yield _event("content_block_start", index=index + at, content_block=block)
        # the first fragment is empty; the vendor cuts arguments anywhere
        for fragment in ("", *(text[cut : cut + 9] for cut in range(0, len(text), 9))):
            delta = {"type": "input_json_delta", "partial_json": fragment}
            yield _event("content_block_delta", index=index + at, delta=delta)
        yield _event("content_block_stop", index=index + at)
    usage = _usage(body, said, scenario, said.output_tokens)
    yield _event("message_delta", delta=_stop(said), usage=usage)
    yield _event("message_stop")


def _message(model: str, number: int) -> dict[str, Any]:
    return {"id": f"msg_{number:024d}", "type": "message", "role": "assistant", "model": model}


def _stop(said: Said) -> dict[str, Any]:
    words = {"stop": "end_turn", "stop_sequence": "stop_sequence", "length": "max_tokens", "tool_calls": "tool_use"}
    return {"stop_reason": words[said.end], "stop_sequence": said.stopped_by}


def _usage(body: dict[str, Any], said: Said, scenario: Scenario, output: int) -> dict[str, Any]:  # noqa: ARG001
    thinking = _thinking_tokens(body, scenario)
    told: dict[str, Any] = {
        "input_tokens": ask_of(body).prompt_tokens,
        "cache_creation_input_tokens": scenario.cache_write,
        "cache_read_input_tokens": scenario.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": scenario.cache_write - scenario.cache_write_1h,
            "ephemeral_1h_input_tokens": scenario.cache_write_1h,
        },
        "output_tokens": output + thinking,
        "service_tier": scenario.tier or "standard",
        "inference_geo": body.get("inference_geo") or "global",
    }
    if body.get("speed"):
        told["speed"] = body["speed"]
    if thinking:
        told["output_tokens_details"] = {"thinking_tokens": thinking}
    if scenario.compacted:  # what the summary took is told here alone
        of_its_own = {"input_tokens": scenario.compacted, "output_tokens": 200}
        entries = [
            {"type": "compaction", "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0} | of_its_own,
            {name: value for name, value in told.items() if name != "service_tier"} | {"type": "message"},
        ]
        told["iterations"] = entries
    return told


def _summary(scenario: Scenario) -> str:
    return f"A summary of {scenario.compacted} tokens."


def _thinks(body: dict[str, Any], scenario: Scenario) -> bool:
    return scenario.defect != "no_thinking" and an_object(body.get("thinking")).get("type") in ("enabled", "adaptive")


def _thinking_tokens(body: dict[str, Any], scenario: Scenario) -> int:
    return scenario.reasoning or (16 if _thinks(body, scenario) else 0)


def _thought(body: dict[str, Any], scenario: Scenario) -> str:
    return scenario.reasoning_text or ("The tab is small; the rudder is great." if _thinks(body, scenario) else "")


def _input(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in objects(content) if block.get("type") == "text")


def _tool_id(number: int, index: int) -> str:
    return f"toolu_{number:018d}{index:04d}"


def _request_id(number: int) -> str:
    return f"req_{number:024d}"


def _event(name: str, **fields: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _dump({"type": name} | fields) + b"\n\n"


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
