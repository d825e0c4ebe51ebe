"""What OpenAI's models take of sampling, effort and stops, in Chat Completions and Responses alike.

Models that reason refuse a temperature, ``top_p`` and log probabilities, unless they do not reason in this call, which
they need not from GPT-5.1 on, and do not unasked up to 5.4 (https://github.com/vercel/ai/issues/10932,
https://github.com/BerriAI/litellm/pull/32060). Penalties, a bias and stops they refuse always
(https://docs.nvidia.com/nemo/guardrails/guardrails-python-sdk/nemoguardrails/llm/openai_reasoning,
https://github.com/nextai-translator/nextai-translator/issues/1781, https://github.com/BerriAI/litellm/pull/21576), and
``max_tokens``, which is ``max_completion_tokens`` for them (https://github.com/teilomillet/gollm/issues/33). Each knows
efforts of its own (https://learn.microsoft.com/en-us/javascript/api/@azure/ai-projects/reasoningeffort,
https://github.com/openai/openai-agents-python/issues/2089, https://github.com/anomalyco/opencode/issues/36141); the
others refuse an effort. Of GPT-6 Sol and Luna may be kept from reasoning, and no other
(https://docs.litellm.ai/blog/gpt_6_sol_luna, https://github.com/BerriAI/litellm-docs/pull/1173,
https://developers.openai.com/api/docs/guides/latest-model). A client of these dialects says what it means; a call of
another one is written so that the model takes it. What is no name of OpenAI's is taken to know it all.

OpenAI's newer models do not do in Chat Completions all that they do in Responses (`by_responses`). Codex, the pro
models, those for deep research and for the use of a computer are in Responses alone ("This model is only supported in
v1/responses", https://github.com/alvinunreal/tmuxai/issues/82, https://github.com/aaif-goose/goose/issues/2564; the
list of ``openai.types.ResponsesModel``). From GPT-5.2 on an effort beside tools is refused there ("Function tools with
reasoning_effort are not supported", https://github.com/pipecat-ai/pipecat/issues/4043,
https://github.com/livekit/agents/pull/5088), and from 5.6 on tools are, unless the effort is ``none``
(https://github.com/BerriAI/litellm/pull/34569), which not all of GPT-6 know. The effort ``max`` is of Responses alone
(https://github.com/livekit/agents/pull/7169, https://github.com/BerriAI/litellm-docs/pull/1173).
"""

import re
from functools import lru_cache

from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._limits import check_stops, check_tools, within
from trimtab.llm.dialects._tools import bounded_id
from trimtab.llm.types import Message, Part, Request, Text, ToolCall, ToolResult

_O_SERIES = re.compile(r"(?:^|/)(?:o[134](?:-|$)|codex-mini)")
_GPT = re.compile(r"(?:^|/)gpt-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)(.*)")
_PLAIN = re.compile(r"(?:^|/)chatgpt-")
_MAY_REST = re.compile(r"(?:^|/)gpt-6(?!\.\d)-(?:sol|luna)")
"""Of GPT-6 the ones that need not reason."""
_RESPONSES_ALONE = re.compile(
    r"(?:^|/)(?:o[13]-pro|o[34](?:-mini)?-deep-research|codex-mini|computer-use|gpt-5(?:\.\d+)?[^/]*-(?:pro|codex)"
    r"|gpt-[56](?:\.\d+)?-cyber|gpt-6-rosalind|gpt-rosalind|gpt-daybreak|gpt-6\.2-astra-law)"
)
_LONGEST_USER = 64
_MOST_TOOLS = 128
"""https://github.com/musistudio/claude-code-router/issues/686"""
_MOST_STOPS = 4
"""https://platform.openai.com/docs/api-reference/chat/create (``stop``)"""
NEVER_BY_REASONING = ("frequency_penalty", "presence_penalty", "logit_bias")
NOT_WHILE_REASONING = ("logprobs", "top_logprobs")
"""Of Chat Completions, beside the temperature and ``top_p``."""


@lru_cache(1024)
def reasons(model: str) -> bool | None:
    """Whether this is a model of OpenAI's that reasons; None for what is no model of OpenAI's by its name."""
    if _O_SERIES.search(model):
        return True
    found = _GPT.search(model)
    if found is None:
        return False if _PLAIN.search(model) else None
    if found[3].startswith("-oss"):
        return None
    return int(found[1]) >= 5 and "-chat" not in found[3]


def as_taken(request: Request, model: str, longest_id: int) -> Request:
    """A call of another dialect. Raises `Unsupported` for stops where the model has none, and for more of them, or of
    tools, than it takes."""
    request = within(_named(request, longest_id), model)
    if reasons(model) is not None:
        check_tools(request, _MOST_TOOLS)
        check_stops(request, _MOST_STOPS)
    if request.response_format is not None and request.response_format.kind == "json_object":
        request = _told_json(request)
    if request.stop and reasons(model):
        raise Unsupported(
            "Stop sequences cannot be translated: this model reasons, and refuses them.",
            fix="Leave them out, or call another model.",
            param="stop",
        )
    return sampled(request, model)


def sampled(request: Request, model: str) -> Request:
    """With the effort that the model has, and no temperature and ``top_p`` that it refuses."""
    able = reasons(model)
    if able is None:
        return request
    if not able:
        return replace(request, reasoning_effort=None)
    effort = _effort(request.reasoning_effort, model)
    if not thinks(model, effort):
        return replace(request, reasoning_effort=effort)
    return replace(request, reasoning_effort=effort, temperature=None, top_p=None)


def thinks(model: str, effort: str | None) -> bool:
    """Whether it reasons in a call with this effort."""
    if not reasons(model) or effort == "none":
        return False
    rests = (5, 1) <= _version(model) <= (5, 4) and "codex" not in model and "-pro" not in model
    return effort is not None or not rests


@lru_cache(1024)
def newest(model: str) -> bool:
    """Whether this is one of the models that do not do all in Chat Completions that they do in Responses."""
    return _RESPONSES_ALONE.search(model) is not None or (bool(reasons(model)) and _version(model) >= (5, 2))


def by_responses(model: str, effort: str | None, *, tools: bool) -> bool:
    """Whether Chat Completions refuse such a call of this model's, which Responses take."""
    if not newest(model):
        return False
    if _RESPONSES_ALONE.search(model) is not None or effort == "max":
        return True
    if not tools or (effort == "none" and may_rest(model)):
        return False
    return effort is not None or _version(model) >= (5, 6)


def in_chat(request: Request, model: str) -> Request:
    """A call of another dialect as Chat Completions take it, where the provider speaks nothing else: without reasoning
    where tools are offered. Raises `Unsupported` where the model cannot be kept from it, or is not there."""
    effort = request.reasoning_effort
    if not by_responses(model, effort, tools=bool(request.tools)):
        return request
    alone = _RESPONSES_ALONE.search(model) is not None
    if effort == "max" and not alone and not request.tools:
        return replace(request, reasoning_effort="xhigh")
    if may_rest(model) and not alone:
        return replace(request, reasoning_effort="none")
    raise Unsupported(
        "This model takes such a call by Responses alone, and this provider is spoken to in Chat Completions.",
        fix="Call it at a provider that speaks Responses (openai, azure), or another model.",
        param="model" if alone else "tools",
    )


def may_rest(model: str) -> bool:
    """Whether it takes the effort ``none``."""
    version = _version(model)
    if version >= (6, 0):
        return _MAY_REST.search(model) is not None
    return version >= (5, 1) and "codex" not in model and "-pro" not in model


def unforced(request: Request, model: str, *, knows_efforts: bool = False) -> Request:
    """Without the effort ``none`` where a client of Anthropic's turned thinking off, and nobody knows whether the model
    has an effort of that name: many a server refuses it."""
    if request.dialect != "anthropic_messages" or request.reasoning_effort != "none":
        return request
    return request if knows_efforts or reasons(model) is not None else replace(request, reasoning_effort=None)


def bound_name(model: str, quirks: Quirks) -> str:
    """What the bound on the answer is called there: whoever serves a model of OpenAI's that reasons takes its name."""
    renamed = "max_completion_tokens" in quirks.renames
    return "max_completion_tokens" if reasons(model) and not renamed else quirks.max_tokens_field


def refused_names(model: str, effort: str | None) -> tuple[str, ...]:
    """Members of a chat completion that this model refuses, beside those that `sampled` takes out."""
    if not reasons(model):
        return ()
    return NEVER_BY_REASONING + (NOT_WHILE_REASONING if thinks(model, effort) else ())


def _effort(effort: str | None, model: str) -> str | None:
    """The next that the model has."""
    if effort is None:
        return None
    version = _version(model)
    codex = "codex" in model
    if "-pro" in model:
        return "high"
    if effort == "none" and not may_rest(model):
        effort = "minimal"
    if effort == "minimal" and (version != (5, 0) or codex):
        return "low"
    if effort == "max" and version < (5, 6):
        effort = "xhigh"
    return "high" if effort == "xhigh" and version < (5, 2) else effort


def _version(model: str) -> tuple[int, int]:
    """Nothing before GPT-5 reasons but the o series, which is older than all of it."""
    found = _GPT.search(model)
    return (0, 0) if found is None else (int(found[1]), int(found[2] or 0))


def _named(request: Request, longest_id: int) -> Request:
    """Names of calls as long as OpenAI takes them (https://github.com/vercel/ai/issues/5171), and of who calls: Claude
    Code's are 150 letters and longer (https://github.com/ujisati/claude-code-provider-proxy/pull/11)."""

    def bounded(part: Part) -> Part:
        match part:
            case ToolCall() if len(part.id) > longest_id:
                return replace(part, id=bounded_id(part.id))
            case ToolResult() if len(part.call_id) > longest_id:
                return replace(part, call_id=bounded_id(part.call_id))
            case _:
                return part

    messages = tuple(replace(each, parts=tuple(map(bounded, each.parts))) for each in request.messages)
    user = request.user
    if user is not None and len(user) > _LONGEST_USER:
        user = bounded_id(user)
    return replace(request, messages=messages, user=user)


def _told_json(request: Request) -> Request:
    """JSON without a schema is given only to who speaks of it: https://github.com/openai/openai-python/issues/887 and
    https://platform.openai.com/docs/guides/structured-outputs#json-mode."""
    texts = (part.text for each in request.messages for part in each.parts if isinstance(part, Text))
    if any("json" in text.lower() for text in texts):
        return request
    return replace(request, messages=(Message("system", (Text("Answer with a JSON object."),)), *request.messages))
