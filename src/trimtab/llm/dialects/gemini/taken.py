"""What Google's models take of a call, by the version in their names. What a client of Google's own dialect says goes
as it is; a call of another one is written so that the model takes it.

- Sampling: from 3.6 on, and 3.5 Flash-Lite, ``temperature``, ``topP`` and ``topK`` say nothing, and may be refused
  soon; these models refuse a conversation that ends with an answer (https://github.com/langchain-ai/langchain-google/pull/1897
  and https://github.com/pipecat-ai/pipecat/pull/5821), which is followed by a wish to go on. Before 2.5 ``topK`` is at
  most 40 (https://github.com/genkit-ai/genkit/issues/1397). From 2.5 on penalties are refused
  (https://github.com/PublicAffairs/openai-gemini/issues/63).
- Thinking: 2.5 has a budget, 3 and later a level; before 2.5 either is refused
  (https://github.com/googleapis/js-genai/issues/681). Pro cannot be kept from thinking and knows no minimal level
  (https://github.com/vellum-ai/vellum-assistant/pull/32687), nor do Flash models from 3.7 on
  (https://github.com/BerriAI/litellm-docs/pull/1505), nor 3 Pro a medium one (https://github.com/Chevey339/kelivo/pull/196).
- Bounds: five stops (https://github.com/continuedev/continue/issues/7849), 512 functions
  (https://github.com/google-gemini/gemini-cli/issues/19083), a seed of 32 bits
  (https://github.com/pollinations/pollinations/pull/6867), and at Vertex no more tokens than a model can write
  (https://github.com/BerriAI/litellm/pull/10548).
- Before 3 an answer in JSON and functions exclude each other (https://github.com/googleapis/python-genai/issues/706).
"""

import re
from functools import lru_cache

from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._limits import check_stops, check_tools, within
from trimtab.llm.types import Message, Request, Text, ToolCall, ToolChoice

GO_ON = "Go on."
_VERSION = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)")
_LATEST = re.compile(r"gemini-[a-z-]*latest")
_NEWEST = (99, 0)
_MOST_STOPS = 5
_MOST_TOOLS = 512
_MOST_SEED = 2**31
_MOST_TOP_K = 40
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
"""Efforts in tokens, for models before Gemini 3: https://ai.google.dev/gemini-api/docs/openai#thinking"""
_LEVELS = {"none": "minimal", "xhigh": "high", "max": "high"}
"""Efforts that only others know: https://ai.google.dev/gemini-api/docs/thinking#thinking-levels"""
_MOST = 24_576
_RANGES = (("gemini-2.5-pro", 128, 32_768), ("gemini-2.5-flash-lite", 512, _MOST), ("gemini-2.5", 1, _MOST))
"""What the models that think within a budget take: https://ai.google.dev/gemini-api/docs/thinking#set-budget."""


@lru_cache(1024)
def version_of(model: str) -> tuple[int, int] | None:
    """None for what is no name of a Gemini: a tuned model, a Gemma."""
    found = _VERSION.search(model)
    if found is None:
        return _NEWEST if _LATEST.search(model) else None
    return int(found[1]), int(found[2] or 0)


def is_before(model: str, version: tuple[int, int]) -> bool:
    found = version_of(model)
    return found is not None and found < version


def takes_penalties(model: str) -> bool:
    found = version_of(model)
    return found is None or found < (2, 5)


def shows_media_in_results(model: str) -> bool:
    """Whether a function's response may hold pictures: https://github.com/google-gemini/gemini-cli/issues/19436"""
    return not is_before(model, (3, 0))


def as_taken(request: Request, model: str) -> Request:
    """A call of another dialect. Raises `Unsupported` for what has no place with this model."""
    if _wants_json(request) and request.tool_choice == ToolChoice(mode="none") and is_before(model, (3, 0)):
        request = replace(request, tools=(), tool_choice=None)
    _refuse(request, model)
    version = version_of(model)
    if request.seed is not None and not -_MOST_SEED <= request.seed < _MOST_SEED:
        request = replace(request, seed=request.seed % _MOST_SEED)
    if version is None:
        return request
    request = within(request, model)
    if request.top_k is not None and version < (2, 5):
        request = replace(request, top_k=min(request.top_k, _MOST_TOP_K) or None)
    if version >= (3, 6) or (version == (3, 5) and "-lite" in model):
        request = _ended_by_the_user(replace(request, temperature=None, top_p=None, top_k=None))
    return request


def _refuse(request: Request, model: str) -> None:
    check_stops(request, _MOST_STOPS)
    check_tools(request, _MOST_TOOLS)
    if request.tools and _wants_json(request) and is_before(model, (3, 0)):
        raise Unsupported(
            "`response_format` beside `tools` cannot be translated: a Gemini model before 3 takes one or the other.",
            fix="Leave one of them out, or call a newer model.",
            param="response_format",
        )


def _wants_json(request: Request) -> bool:
    return request.response_format is not None and request.response_format.kind != "text"


def _ended_by_the_user(request: Request) -> Request:
    said = [message for message in request.messages if message.role not in ("system", "developer")]
    if not said or said[-1].role != "assistant" or any(isinstance(part, ToolCall) for part in said[-1].parts):
        return request
    return replace(request, messages=(*request.messages, Message("user", (Text(GO_ON),))))


def thinking_of(effort: str | None, budget: int | None, model: str) -> tuple[str | None, int | None]:
    """A level, or a budget; never both, which Google refuses. The level is in small letters."""
    if is_before(model, (2, 5)):
        return None, None
    if budget is not None:
        least, most = next(((low, high) for name, low, high in _RANGES if model.startswith(name)), (0, 0))
        return None, min(max(budget, least), most) if most else budget
    if effort is None:
        return None, None
    pro = "-pro" in model
    if is_before(model, (3, 0)):
        return None, _BUDGETS["minimal"] if pro and effort == "none" else budget_of(effort)
    version = version_of(model)
    if version is None and effort == "none":  # what takes a level may take a budget, not the other way round
        return None, 0
    level = _LEVELS.get(effort, effort)
    if level == "minimal" and (pro or (version is not None and version >= (3, 7))):
        level = "low"
    return ("high" if level == "medium" and pro and version == (3, 0) else level), None


def budget_of(effort: str) -> int:
    """An effort in tokens; ``none`` keeps a model from thinking."""
    return 0 if effort == "none" else _BUDGETS.get(effort, _BUDGETS["medium"])
