"""What providers' refusals mean: documented bodies, and llama.cpp's as its server gave them."""

import json
from typing import Any

import pytest

from trimtab.core.errors import UpstreamRejected
from trimtab.gateway.staying_up.resilience import class_of
from trimtab.llm.dialects import DIALECTS

OPENAI, ANTHROPIC = DIALECTS.get("openai_chat"), DIALECTS.get("anthropic_messages")


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


TOO_LONG: list[tuple[str, int, dict[str, Any]]] = [
    ("OpenAI", 400, said("It is too much.", type="invalid_request_error", code="context_length_exceeded")),
    ("OpenAI, by words", 400, said("Your input exceeds the context window of this model.")),
    (
        "llama.cpp",
        400,
        said(
            "request (3031 tokens) exceeds the available context size (1024 tokens), try increasing it",
            code=400,
            type="exceed_context_size_error",
            n_prompt_tokens=3031,
            n_ctx=1024,
        ),
    ),
    (
        "vLLM before 0.10",
        400,
        {
            "object": "error",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
        },
    ),
    ("SGLang", 400, said("The input (210000 tokens) is longer than the model's context length (200000 tokens).")),
    ("Text Generation Inference", 422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096."}),
    ("Anthropic", 400, {"type": "error"} | said("prompt is too long: 213462 tokens > 200000 maximum")),
    ("Anthropic, with output", 400, said("input length and `max_tokens` exceed context limit: 190000 + 20000")),
    ("Gemini", 400, said("The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).")),
    ("Bedrock", 400, {"message": "Input is too long for requested model."}),
    ("xAI", 400, {"error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."}),
    ("Groq", 400, said("Please reduce the length of the messages or completion.")),
    ("Groq, a minute's tokens", 413, said("Request too large for model `m`", code="rate_limit_exceeded")),
    (
        "OpenAI, a minute's tokens",
        429,
        said("Request too large for gpt-4o in organization o", code="rate_limit_exceeded"),
    ),
    ("Mistral", 400, {"object": "error", "message": "Prompt contains 9 tokens, too large for model with 8 maximum."}),
    ("Cerebras", 400, said("Please reduce the length. Current length is 9000 while limit is 8192")),
    ("Cerebras, without a word", 413, {}),
    ("LM Studio", 400, {"error": "The number of tokens to keep is greater than the context length."}),
    ("Moonshot", 400, said("Your request exceeded model token limit: 8192", type="invalid_request_error")),
    ("MiniMax", 400, {"type": "error"} | said("invalid params, context window exceeds limit (2013)")),
    ("Alibaba", 400, said("Range of input length should be [1, 129024]", code="invalid_parameter_error")),
    ("Z.ai", 400, said("Prompt exceeds max length", code="1261")),
    ("Together", 403, said("Input token count + max_tokens must be less than the maximum context length")),
    ("Ollama", 400, said("prompt too long; exceeded max context length by 4 tokens", type="invalid_request_error")),
]


@pytest.mark.parametrize(("status", "body"), [case[1:] for case in TOO_LONG], ids=[case[0] for case in TOO_LONG])
def test_a_prompt_that_is_too_long_is_known_and_another_model_may_have_room(status: int, body: dict[str, Any]) -> None:
    error = OPENAI.parse_error(status, json.dumps(body).encode(), {})
    assert (error.reason, class_of(error)) == ("too_long", "absent")
    assert error.status == (400 if status == 403 else status)
    code = json.loads(OPENAI.render_error(error, "r"))["error"]["code"]
    assert code == ("rate_limit_exceeded" if "rate_limit_exceeded" in str(body) else "context_length_exceeded")
    words = json.loads(ANTHROPIC.render_error(error, "r"))["error"]["message"]
    assert words.lower().startswith("prompt is too long")
    assert words.lower().count("prompt is too long") == 1


@pytest.mark.parametrize(
    ("status", "body", "reason", "failure"),
    [
        (402, said("Insufficient Balance", type="unknown_error"), "no_money", "key"),  # DeepSeek
        (429, said("You exceeded your current quota.", code="insufficient_quota"), "no_money", "key"),  # OpenAI
        (429, said("Allocated quota exceeded.", code="insufficient_quota"), "", "rate_limited"),  # Alibaba
        (400, said("Your credit balance is too low to access the Anthropic API."), "no_money", "key"),
        (429, said("Insufficient balance or no resource package.", code="1113"), "no_money", "key"),  # Z.ai
        (429, said("Rate limit reached for requests", code="1302"), "", "rate_limited"),  # Z.ai
        (429, said("m", type="exceeded_current_quota_error"), "no_money", "key"),  # Moonshot
        (429, said("m", type="engine_overloaded_error"), "", "rate_limited"),  # Moonshot
        (400, said("Access denied.", code="Arrearage"), "no_money", "key"),  # Alibaba
        (400, said("The response was filtered.", code="content_filter"), "filtered", "request"),  # Azure
        (400, said("Input text data may contain inappropriate content.", code="data_inspection_failed"),
         "filtered", "request"),  # Alibaba
        (400, said("Content Exists Risk", code="invalid_request_error"), "filtered", "request"),  # DeepSeek
        (400, said("System detected potentially unsafe content.", code="1301"), "filtered", "request"),  # Z.ai
        (403, said("Your input was flagged for x.", code=403), "filtered", "request"),  # OpenRouter
        (403, said("No access to this model", code=403), "", "key"),
        (400, said("Model Not Exist", code="invalid_request_error"), "no_model", "absent"),  # DeepSeek
        (400, said("x is not a valid model ID", code=400), "no_model", "absent"),  # OpenRouter
        (400, said("It is retired.", code="model_decommissioned"), "no_model", "absent"),  # Groq
        (400, said("The requested model is not supported.", code="model_not_supported"), "no_model", "absent"),
        (400, said("Unknown Model, please check the model code.", code="1211"), "no_model", "absent"),  # Z.ai
        (404, said("There is no such deployment.", code="DeploymentNotFound"), "no_model", "absent"),  # Azure
        (400, said("registry.ollama.ai/library/m does not support tools"), "cannot", "absent"),
        (400, said('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
         "cannot", "absent"),  # vLLM
        (500, said("image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
                   code=500, type="server_error"), "cannot", "absent"),  # llama.cpp
        (501, said("This server does not support embeddings.", code=501, type="not_supported_error"), "", "absent"),
        (400, said("Unsupported parameter", code="unsupported_parameter"), "cannot", "absent"),  # OpenAI
        (400, said("Unsupported value: 'temperature' does not support 0.2", code="unsupported_value"),
         "cannot", "absent"),  # OpenAI
        (400, said("Function tools with reasoning_effort are not supported for gpt-6-astra in /v1/chat/completions."),
         "cannot", "absent"),  # OpenAI
        (404, said("This model is only supported in v1/responses and not in v1/chat/completions."),
         "cannot", "absent"),  # OpenAI
        (400, said("This response_format type is unavailable now"), "cannot", "absent"),  # DeepSeek
        (400, said("Thinking mode does not support this tool_choice"), "cannot", "absent"),  # DeepSeek
        (400, said("`reasoning_effort` is not supported with this model"), "cannot", "absent"),  # Groq
        (400, said("non-reasoning model does not support reasoning_effort"), "cannot", "absent"),  # Fireworks
        (503, said("Loading model", code=503, type="unavailable_error"), "", "server"),  # llama.cpp
        (500, said("The server had an error.", type="server_error"), "", "server"),
        (400, said("Field 'n': Value must be 1, but got 2", code=400), "", "request"),  # llama.cpp
        (400, said("`messages` must not be empty", code="invalid_request_error"), "", "request"),
        (401, said("The context window exceeds the limit; insufficient balance."), "", "key"),
        (400, said("Invalid value: 'insufficient credits'. Supported values are: 'low', 'high'."), "", "request"),
        (400, said("[{'loc': ('body', 'n'), 'input': 'your credit balance is too low'}]"), "", "request"),
        (400, said("Your input was flagged: 'maximum context length'"), "filtered", "request"),
    ],
)  # fmt: skip
def test_what_a_refusal_means_decides_what_follows(status: int, body: Any, reason: str, failure: str) -> None:
    error = OPENAI.parse_error(status, json.dumps(body).encode(), {})
    assert (error.reason, class_of(error)) == (reason, failure)


@pytest.mark.parametrize(
    ("status", "told", "failure", "retryable"),
    [(529, "false", "server", False), (429, "false", "rate_limited", False), (400, "true", "server", True),
     (400, "", "request", False), (529, "perhaps", "server", True)],
)  # fmt: skip
def test_a_provider_says_itself_whether_to_repeat(status: int, told: str, failure: str, retryable: bool) -> None:
    """``x-should-retry`` of OpenAI and Anthropic: https://github.com/anthropics/anthropic-sdk-typescript/issues/357"""
    body = json.dumps(said("Overloaded")).encode()
    error = ANTHROPIC.parse_error(status, body, {"x-should-retry": told} if told else {})
    assert (class_of(error), error.retryable) == (failure, retryable)


def test_a_filter_has_one_name_for_openais_clients_and_their_own_vendors_are_kept() -> None:
    def code(told: str, message: str = "m") -> str:
        error = OPENAI.parse_error(400, json.dumps(said(message, code=told)).encode(), {})
        return json.loads(OPENAI.render_error(error, "r"))["error"]["code"]

    assert [code(each) for each in ("1301", "data_inspection_failed")] == ["content_filter", "content_filter"]
    assert code("invalid_request_error", "Content Exists Risk") == "content_filter"
    assert code("content_policy_violation") == "content_policy_violation"
    assert code("invalid_value") == "invalid_value"


def test_what_no_key_and_no_repeat_can_mend_is_told_as_the_callers_to_mend() -> None:
    image = json.dumps(said("image input is not supported", code=500)).encode()
    assert (error := OPENAI.parse_error(500, image, {})).status == 400
    assert not error.retryable
    flagged = json.dumps(said("Your input was flagged", code=403)).encode()
    assert OPENAI.parse_error(403, flagged, {}).status == 403


def test_what_anthropic_tells_of_an_error_reaches_its_own_clients_alone() -> None:
    """https://docs.claude.com/en/api/errors; its SDK raises ``ImageDimensionsTooLargeError`` for this one."""
    details = {
        "error_code": "image_dimensions_too_large",
        "max_side_length_pixels": 2000,
        "paths": ["messages.0.content.1"],
    }
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "too big", "details": details}}
    error = ANTHROPIC.parse_error(400, json.dumps(body).encode(), {})
    assert json.loads(ANTHROPIC.render_error(error, "r"))["error"] == {
        "type": "invalid_request_error",
        "message": "too big",
        "details": details,
    }
    told = json.loads(OPENAI.render_error(error, "r"))["error"]
    assert (told["code"], "innererror" in told) == ("image_dimensions_too_large", False)


def test_what_azures_filter_found_reaches_openais_clients_alone() -> None:
    """https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter"""
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
    body = said("filtered", type=None, param="prompt", code="content_filter", status=400, innererror=inner)
    error = OPENAI.parse_error(400, json.dumps(body).encode(), {})
    assert (error.reason, error.param, error.upstream_code) == ("filtered", "prompt", "content_filter")
    assert json.loads(OPENAI.render_error(error, "r"))["error"]["innererror"] == inner
    assert json.loads(ANTHROPIC.render_error(error, "r"))["error"]["details"] == {
        "error_code": "content_filter",
        "param": "prompt",
    }


@pytest.mark.parametrize("details", [None, [], "x", {"error_code": 3}, {"long": "x" * 5000}])
def test_details_of_any_shape_break_nothing(details: Any) -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "no", "details": details}}
    error: UpstreamRejected = ANTHROPIC.parse_error(400, json.dumps(body).encode(), {})
    told = json.loads(ANTHROPIC.render_error(error, "r"))["error"]
    assert (told["message"], error.upstream_code) == ("no", "invalid_request_error")
    assert len(json.dumps(told)) < 5000
