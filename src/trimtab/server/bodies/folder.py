"""Bodies of the management API about config as code. Money is US dollars as decimal strings, null where it is unknown;
times are Unix ms."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Files = Annotated[
    dict[str, str], Meta(description="Texts by their path below the folder, with / between: trimtab.yaml, ...")
]


class PlanRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``to`` is the environment that releases would go to, empty for none; there they begin as a canary by the default
    steps where another one runs, and go at once where none does, or where it is ``direct``. ``texts``: with the texts
    of what changes, before and after, to be compared line by line."""

    files: Files
    to: str = ""
    direct: bool = False
    texts: bool = False


class ApplyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``message`` is the message of new versions of prompts and of releases, and the note of promotions. ``plan``: the
    hash of a plan, or its first 8 or more digits; refused where it would be another one by now. ``to`` and ``direct``
    are as in a plan."""

    files: Files
    to: str = ""
    direct: bool = False
    message: str = ""
    plan: str = ""


class FolderMistake(Struct, frozen=True, kw_only=True):
    """``line`` counts from 1."""

    path: str
    line: int
    what: str
    fix: str


class FolderChange(Struct, frozen=True, kw_only=True):
    """``words`` say what is different. ``drifted``: it was changed on the server since this folder was last applied,
    and that is overwritten. ``before`` and ``after`` are its texts, where they were asked for; null for none."""

    action: Literal["add", "change", "remove"]
    kind: str
    name: str
    path: str
    line: int
    words: list[str]
    drifted: bool = False
    before: str | None = None
    after: str | None = None


class FolderRelease(Struct, frozen=True, kw_only=True):
    """A release that is (or would be) made of an app. ``parent`` is its newest one before, null for none; ``words`` say
    what is different from that."""

    app: str
    number: int
    hash: str
    parent: int | None
    words: list[str]


class FolderPromotion(Struct, frozen=True, kw_only=True):
    """``before`` is the number of what runs there, null for nothing. ``lacking`` is what it waits for; empty where the
    release goes (or went) there: by a rollout of that ``kind``, which is ``rollout`` once it has begun (else empty)."""

    app: str
    environment: str
    before: int | None
    after: int
    kind: Literal["direct", "canary"]
    rollout: str
    lacking: list[str]
    fix: str


class CostEstimate(Struct, frozen=True, kw_only=True):
    """What the calls of the last ``days`` would cost a day: ``before`` by the first target of the app's newest release,
    ``after`` by that of the next one, prompt included; ``recorded`` is what they did cost a day, by the books.
    ``prompt_tokens`` is how many tokens more (or less) a call's prompt has, by estimate; null without a prompt.
    ``note`` says why something is unknown."""

    app: str
    days: float
    calls: int
    tokens_in: int
    tokens_out: int
    recorded: str | None
    before: str | None
    after: str | None
    before_model: str
    after_model: str
    prompt_tokens: int | None
    note: str


class FolderPlan(Struct, frozen=True, kw_only=True):
    """What applying the files would do, or did. With ``mistakes`` nothing can be applied. ``adopted`` are things that
    are there already as the folder says, and become the folder's; ``released`` have left the folder, which did not make
    them, and stay as they are. ``clean``: there is nothing to do. ``costs`` are a
    plan's; ``notes`` are what is not wrong and should be known."""

    hash: str
    folder: str
    project: str
    to: str
    clean: bool
    changes: list[FolderChange]
    releases: list[FolderRelease]
    promotions: list[FolderPromotion]
    costs: list[CostEstimate]
    adopted: list[str]
    released: list[str]
    notes: list[str]
    mistakes: list[FolderMistake]


class FolderFiles(Struct, frozen=True, kw_only=True):
    """What is in the catalog, as the files of a folder. ``left_out`` says what is not in them and why; ``unowned`` is
    what belongs to no folder and is not in them either."""

    files: dict[str, str]
    left_out: list[str]
    unowned: list[str]


class DriftLine(Struct, frozen=True, kw_only=True):
    """One thing of a folder that is not as the folder left it."""

    folder: str
    kind: str
    name: str
    what: Literal["changed", "removed"]
    applied: int
    author: str


class DriftReport(Struct, frozen=True, kw_only=True):
    """``managed``: how many things belong to folders (to the one that was asked for)."""

    managed: int
    drifted: list[DriftLine]
