"""What a provider's refusal means, by its code or its words: most say so much beside a status that says less.

A prompt that is too long for one model is answered by another with a longer context, an account without money by
another provider, while a status of 400 says the same of all (`gateway/staying_up/resilience.py` decides what follows).
Sources, beside the references that the provider kinds cite:

- too long: OpenAI's and Azure's code ``context_length_exceeded``; llama.cpp's server (``exceed_context_size_error``,
  asked); vLLM, SGLang and what is built on them ("maximum context length"); Anthropic ("prompt is too long", "exceed
  context limit"); Google ("input token count"); Bedrock, xAI, Groq, Mistral, Cerebras, LM Studio, Moonshot, MiniMax,
  Ollama and Text Generation Inference as Pi's and LiteLLM's clients know them (``packages/ai/src/utils/overflow.ts`` of
  badlogic/pi-mono, ``exception_mapping_utils.py`` of BerriAI/litellm); Alibaba ("Range of input length",
  https://www.alibabacloud.com/help/en/model-studio/error-code); Z.ai (1261); Together, with a status of 403
  (https://docs.together.ai/docs/error-codes). A 413 is of this kind, whoever says it.
- money: 402 at DeepSeek, OpenRouter, Together and Hugging Face; OpenAI's ``insufficient_quota`` (429); Anthropic says
  it with a 400; Z.ai's 1113 (https://docs.z.ai/api-reference/api-code); Alibaba's ``Arrearage``. Alibaba's
  ``insufficient_quota`` is a rate limit when it speaks of an *allocated* quota.
- filtered: Azure's ``content_filter``, OpenAI's ``content_policy_violation`` and ``invalid_prompt``, Alibaba's
  ``data_inspection_failed``, Z.ai's 1301, MiniMax's 1026 and 1027, DeepSeek's "Content Exists Risk"; OpenRouter with a
  status of 403 (https://openrouter.ai/docs/errors), which is no refusal of the key.
- no such model, with a status of 400: DeepSeek, OpenRouter, Bedrock, Hugging Face, Groq (``model_decommissioned``).
- it cannot do that: Moonshot's Kimi ("invalid temperature: only 1 is allowed for this model"), Ollama ("does not
  support tools"), vLLM without a parser of tool calls, llama.cpp without a projector of images (a 500, which no repeat
  mends), OpenAI's ``unsupported_parameter`` and ``unsupported_value``, and its models that are in Responses alone
  (`_gpt.py`), DeepSeek's thinking ("Thinking mode does not support this tool_choice",
  https://github.com/deepseek-ai/DeepSeek-V3/issues/1376) and its lack of schemas ("This response_format type is
  unavailable now", https://github.com/llm-exe/llm-exe/issues/662), models at Groq and Fireworks that do not reason
  (https://github.com/iamsrikanthnani/pluely/issues/242, https://github.com/lambda-symbolics/autolith/pull/25).
"""

import re

from trimtab.core.errors import Reason

_CODES: dict[str, Reason] = {
    "context_length_exceeded": "too_long",
    "context_window_exceeded": "too_long",
    "exceed_context_size_error": "too_long",
    "model_max_prompt_tokens_exceeded": "too_long",
    "1261": "too_long",
    "insufficient_quota": "no_money",
    "exceeded_current_quota_error": "no_money",  # Moonshot
    "billing_not_active": "no_money",
    "billing_hard_limit_reached": "no_money",
    "insufficient_balance": "no_money",
    "arrearage": "no_money",
    "1113": "no_money",
    "content_filter": "filtered",
    "content_policy_violation": "filtered",
    "responsibleaipolicyviolation": "filtered",
    "invalid_prompt": "filtered",
    "moderation_blocked": "filtered",
    "data_inspection_failed": "filtered",
    "datainspectionfailed": "filtered",
    "sensitive_words_detected": "filtered",
    "1026": "filtered",
    "1027": "filtered",
    "1301": "filtered",
    "model_not_found": "no_model",
    "model_not_supported": "no_model",
    "model_decommissioned": "no_model",
    "invalid_model": "no_model",
    "deploymentnotfound": "no_model",
    "1211": "no_model",
    "unsupported_parameter": "cannot",
    "unsupported_value": "cannot",
    "operationnotsupported": "cannot",
    "not_supported_error": "cannot",
}

RATE_CODES = frozenset(
    {
        "rate_limit_exceeded",
        "rate_limit_error",
        "throttlingException",
        "RESOURCE_EXHAUSTED",
        "429",
        "1302",
        "1303",
        "1305",
    }
)
"""What a limit of calls is called within a stream, where no status says it: OpenAI, Anthropic, Bedrock, Google, Z.ai,
OpenRouter and vLLM (the status that it would have had)."""
_SIZE = r"context (?:length|window|size|limit)"
_WORDS: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    (
        "filtered",
        re.compile(
            r"content exists risk|content management policy|may contain inappropriate content|input was flagged"
            r"|content violates usage guidelines|rejected as a result of our safety system|new_sensitive \(102[67]\)"
            r"|prompt was flagged|limited access to this content",
            re.IGNORECASE,
        ),
    ),
    (
        "too_long",
        re.compile(
            rf"maximum {_SIZE}|exceed\w* (?:\w+ ){{0,6}}?{_SIZE}|{_SIZE} exceed"
            rf"|(?:longer|greater) than the (?:model's )?{_SIZE}"
            r"|configured context size is|maximum prompt length is|prompt is too long|prompt exceeds max length"
            r"|input is too long|input length too long|input token count.{0,40}exceed|maximum input length is"
            r"|reduce the length of the messages|too large for model with|exceeded model token limit"
            r"|current length is \d+ while limit is|range of input length should be|too large to process"
            r"|tokens \+ `?max_(?:new_)?tokens|^request too large",
            re.IGNORECASE,
        ),
    ),
    (
        "no_money",
        re.compile(
            r"^(?:your credit balance is too low|insufficient (?:account )?(?:balance|credits)"
            r"|you have reached your specified api usage limits)",
            re.IGNORECASE,
        ),
    ),
    (
        "no_model",
        re.compile(
            r"model not exist|is not a valid model id|model identifier is invalid|unknown model|not found the model",
            re.IGNORECASE,
        ),
    ),
    (
        "cannot",
        re.compile(
            r"does not support (?:tools|tool calling|thinking|image|vision|assistant message prefill)"
            r"|(?:tool|function) call(?:ing)?`? is not supported|enable-auto-tool-choice|is not a multimodal model"
            r"|(?:image|audio|video) input is not supported|is allowed for this model"
            r"|^invalid image input|image urls are not currently supported"
            r"|function tools with reasoning_effort|is only supported in v1/responses|not a chat model"
            r"|response_format type is unavailable|does not support this tool_choice"
            r"|reasoning_effort`? is not supported|does not support reasoning_effort",
            re.IGNORECASE,
        ),
    ),
)
"""A filter's words come first: what it refused is carried to no other provider, whatever else is said of it. Those of
an account without money must begin the message: many a refusal quotes what the caller wrote, and whoever wrote them
could set the key aside for all."""
_SPEAKING = frozenset({400, 402, 403, 404, 412, 413, 422, 429, 500})
"""Statuses whose words are read. Others say what is wrong (401), or that it will pass (503)."""
_BY_STATUS: dict[int, Reason] = {402: "no_money", 413: "too_long"}


def reason_of(status: int, code: str, message: str) -> Reason:
    """Of a refusal with that status; ``""`` where it says no more than the status."""
    if status not in _SPEAKING:
        return ""
    known = _CODES.get(code.lower()) or _by_words(message) or _BY_STATUS.get(status, "")
    if known == "no_money" and "allocated quota" in message.lower():
        return ""
    return known


def _by_words(message: str) -> Reason:
    for reason, words in _WORDS:
        if words.search(message):
            return reason
    return ""
