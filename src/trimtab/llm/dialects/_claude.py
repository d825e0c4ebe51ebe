"""What Anthropic's models take of thinking, effort and sampling, at whichever vendor serves them.

From Claude Opus 4.7 on (and all of 5 and later) a call with ``temperature``, ``top_p`` or ``top_k`` is refused, and so
is a budget for thinking: it is adaptive, and the effort says how much of it.
https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide and
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking. Opus 4.5, 4.6 and what came after know an
effort, and all others refuse it (https://platform.claude.com/docs/en/build-with-claude/effort): from 3.7 on they are
given a budget for it, within the rules of https://platform.claude.com/docs/en/build-with-claude/extended-thinking. From
Opus 4.1 to 4.6 ``temperature`` and ``top_p`` exclude each other (https://github.com/BerriAI/litellm/issues/15097). From
4.6 on a conversation ends with the user's words (https://github.com/crewAIInc/crewAI/issues/4798): an answer at its end
is followed by a wish to go on. A client of Anthropic's own dialect says what it means; a call of another dialect is
written so that the model takes it.
"""

import re
from typing import Any

from msgspec.structs import replace

from trimtab.llm.dialects._signatures import is_marked
from trimtab.llm.types import Message, Reasoning, Request, Text, ToolCall

Thinking = dict[str, Any] | None
_VERSION = re.compile(r"claude-[a-z]+-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_EARLY = re.compile(r"claude-(\d)(?:[-.](\d)(?!\d))?(?!\d)")
"""``claude-3-7-sonnet-20250219``: the version stood first, up to 3.7."""
_BUDGETS = ((1024, "low"), (8192, "medium"), (24576, "high"))
"""Budgets up to which an effort does: the other way round of what Google says of budgets and efforts."""


GO_ON = "Go on."
_LEAST_BUDGET = 1024
_LEAST_TOP_P = 0.95
_DOWN = {"minimal": "low", "xhigh": "high"}
"""Efforts that models before Opus 4.7 do not have."""


def version_of(model: str) -> tuple[int, int] | None:
    found = _VERSION.search(model) or _EARLY.search(model)
    return None if found is None else (int(found[1]), int(found[2] or 0))


def is_known(model: str) -> bool:
    """Whether its name says which Claude it is."""
    return version_of(model) is not None


def as_taken(request: Request, model: str, bound: int | None) -> tuple[Request, Thinking]:
    """A call of another dialect as the model takes it, and how it is asked to think. ``bound`` is what is sent as the
    most tokens of the answer, if anything is. What is no name of a Claude is taken to know it all."""
    version = version_of(model)
    if version is None:
        return request, _plain(request)
    request = _ended_by_the_user(request) if version >= (4, 6) else request
    if version >= (4, 7):
        adaptive = replace(request, temperature=None, top_p=None, top_k=None, reasoning_effort=_effort_of(request))
        return adaptive, _adaptive(request)
    request = _one_sampler(request) if version >= (4, 1) else request
    effort = request.reasoning_effort
    if version >= (4, 6) or "opus-4-5" in model or "opus-4.5" in model:
        kept = None if effort is None else _DOWN.get(effort, effort)
        kept = "high" if kept == "max" and version < (4, 6) else kept
        return _with(replace(request, reasoning_effort=kept), _budgeted(request, request.reasoning_budget, bound))
    budget = request.reasoning_budget
    if budget is None and effort not in (None, "none"):
        budget = next((most for most, word in _BUDGETS if word == _DOWN.get(effort or "", effort)), _BUDGETS[-1][0])
        if bound is not None:  # the least budget, too, leaves half of the answer
            budget = min(budget, bound // 2) if bound >= 2 * _LEAST_BUDGET else None
    thinking = _budgeted(request, budget, bound) if version >= (3, 7) else None
    return _with(replace(request, reasoning_effort=None), thinking)


def _ended_by_the_user(request: Request) -> Request:
    said = [message for message in request.messages if message.role not in ("system", "developer")]
    if not said or said[-1].role != "assistant" or any(isinstance(part, ToolCall) for part in said[-1].parts):
        return request
    return replace(request, messages=(*request.messages, Message("user", (Text(GO_ON),))))


def _one_sampler(request: Request) -> Request:
    """The temperature stays, unless it is 1, which says nothing."""
    if request.temperature is None or request.top_p is None:
        return request
    return replace(request, temperature=None) if request.temperature == 1 else replace(request, top_p=None)


def _plain(request: Request) -> Thinking:
    budget = request.reasoning_budget
    return None if budget is None else {"type": "enabled", "budget_tokens": budget}


def _effort_of(request: Request) -> str | None:
    """The effort for an adaptive model: what was asked for, or what a budget comes to. Some of them cannot be kept from
    thinking: ``none`` is the least that each takes."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if budget is not None and effort is None:
        return next((word for most, word in _BUDGETS if budget <= most), "xhigh")
    return "low" if effort == "none" else effort


def _adaptive(request: Request) -> Thinking:
    """It is not asked for where a tool must be called: Anthropic refuses both at once."""
    asked = request.reasoning_budget is not None or request.reasoning_effort not in (None, "none")
    return {"type": "adaptive"} if asked and not _forced(request) else None


def _budgeted(request: Request, budget: int | None, bound: int | None) -> Thinking:
    """Thinking within a budget, where the call may have it: at least 1,024 tokens and less than the answer may have, no
    tool that must be called, no beginning of an answer, and no tool's result without the thought that asked for it."""
    if budget is None or _forced(request) or not _may_think(request.messages):
        return None
    budget = max(budget, _LEAST_BUDGET)
    if bound is not None and budget >= bound:
        budget = bound // 2
    return {"type": "enabled", "budget_tokens": budget} if budget >= _LEAST_BUDGET else None


def _with(request: Request, thinking: Thinking) -> tuple[Request, Thinking]:
    """Who thinks within a budget takes no temperature, no ``top_k``, and no ``top_p`` below 0.95."""
    if thinking is None:
        return request, None
    top_p = request.top_p if request.top_p is not None and request.top_p >= _LEAST_TOP_P else None
    return replace(request, temperature=None, top_p=top_p, top_k=None), thinking


def _forced(request: Request) -> bool:
    return request.tool_choice is not None and request.tool_choice.mode in ("required", "tool")


def _may_think(messages: tuple[Message, ...]) -> bool:
    if messages and messages[-1].role == "assistant":
        return False
    turn: list[Message] = []  # the assistant's last one, which may be several messages here
    for message in reversed(messages):
        if message.role == "assistant":
            turn.append(message)
        elif turn:
            break
    parts = [part for message in reversed(turn) for part in message.parts]
    return not any(isinstance(part, ToolCall) for part in parts) or _is_signed(parts[0])


def _is_signed(part: object) -> bool:
    if not isinstance(part, Reasoning):
        return False
    return part.redacted is not None or (part.signature is not None and not is_marked(part.signature))
