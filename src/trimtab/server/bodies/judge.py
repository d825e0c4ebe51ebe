"""Bodies of the management API about judges that a team wrote. Times are Unix milliseconds."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from trimtab.evaluation.types import NAME

JudgeName = Annotated[str, Meta(pattern=rf"^{NAME}$", max_length=64)]


class NewJudgeVersion(Struct, kw_only=True, forbid_unknown_fields=True):
    """``kind`` is the scorer it is made of (one that asks a model, such as ``rubric``), ``options`` are that scorer's.
    ``expected_version`` is the version it was made from; 0: it is to be new; left out: whatever is newest."""

    kind: Annotated[str, Meta(max_length=64)]
    options: dict[str, Any]
    message: Annotated[str, Meta(max_length=2000)] = ""
    expected_version: Annotated[int, Meta(ge=0)] | None = None


class JudgeView(Struct, frozen=True, kw_only=True):
    """One version of a judge. ``scorer`` is its name in suites and rules: always the newest version; ``pinned`` is
    this one's. ``scorer_version`` is what scores and calibrations keep of it."""

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

    judge: JudgeView
    created: bool


class JudgePage(Struct, frozen=True, kw_only=True):
    items: list[JudgeView]
    cursor: str | None


class JudgePlace(Struct, kw_only=True, forbid_unknown_fields=True):
    """An archived judge takes no new version and is listed only when asked for; suites that name it go on.
    ``expected_version``: the newest that was seen; it is refused (409) where somebody added another."""

    archived: bool
    expected_version: int | None = None


class JudgeChange(Struct, frozen=True, kw_only=True):
    """``field`` is ``kind`` or an option; what is not there is null. ``lines`` are a text's lines: ``-`` gone, ``+``
    new, a blank unchanged."""

    field: str
    before: Any
    after: Any
    lines: list[str]


class JudgeDiff(Struct, frozen=True, kw_only=True):
    before: int
    after: int
    changes: list[JudgeChange]
