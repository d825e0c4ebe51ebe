"""What the API says about a team's judges; docs/judges.md. Times are Unix ms."""

from typing import Any

from msgspec import Struct


class Judge(Struct, frozen=True, kw_only=True):
    """One version. ``scorer`` is its name in suites and rules, ``pinned`` that of this version."""

    name: str
    version: int
    kind: str
    options: dict[str, Any]
    hash: str
    author: str
    message: str
    scorer: str
    pinned: str
    scorer_version: str
    archived: int | None
    created: int


class PushedJudge(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version says the same already."""

    judge: Judge
    created: bool


class JudgeChange(Struct, frozen=True, kw_only=True):
    field: str
    before: Any
    after: Any
    lines: list[str]


class JudgeDiff(Struct, frozen=True, kw_only=True):
    before: int
    after: int
    changes: list[JudgeChange]
