"""What Anthropic's newer models no longer take, at whichever vendor serves them.

From Claude Opus 4.7 on (and all of 5 and later) a call with ``temperature``, ``top_p`` or ``top_k`` is refused, and so
is a budget for thinking: it is adaptive, and the effort says how much of it.
https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide and
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking. A client of Anthropic's own dialect says what
it means; a call of another dialect is written so that the model takes it.
"""

import re
from typing import Any

from trimtab.llm.types import Request

_VERSION = re.compile(r"claude-[a-z]+-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_BUDGETS = ((1024, "low"), (8192, "medium"), (24576, "high"))
"""Budgets up to which an effort does: the other way round of what Google says of budgets and efforts."""


def is_adaptive(model: str) -> bool:
    """Whether this is a model that thinks as much as it sees fit, and takes no sampling parameters."""
    found = _VERSION.search(model)
    return found is not None and (int(found[1]), int(found[2] or 0)) >= (4, 7)


def effort_of(request: Request) -> str | None:
    """The effort for such a model: what was asked for, or what a budget comes to. Some of them cannot be kept from
    thinking: ``none`` is the least that each takes."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if budget is not None and effort is None:
        return next((word for most, word in _BUDGETS if budget <= most), "xhigh")
    return "low" if effort == "none" else effort


def thinking_of(request: Request) -> dict[str, Any] | None:
    """How such a model is asked to think. It is not where a tool must be called: Anthropic refuses both at once."""
    asked = request.reasoning_budget is not None or request.reasoning_effort not in (None, "none")
    forced = request.tool_choice is not None and request.tool_choice.mode in ("required", "tool")
    return {"type": "adaptive"} if asked and not forced else None
