"""What is guarded, what guards it, and what comes out.

    Subject --a guard's plug--> Look | CannotTell --threshold, action, mode--> Verdict

A guard is a plug (`guards/*.py`): it looks at pieces of text and says how sure it is, where, and why; it never decides
what happens. What happens is the team's `GuardSpec`: at which stages, from which score on, which action, and what if
the guard itself fails. `run.py` puts the two together.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar

from msgspec import Meta, Struct

from trimtab.scoring.types import Answered, Asked, Embed

Json = Any
Stage = Literal["input", "retrieved", "tool_arguments", "tool_result", "output"]
"""Where a text comes from: what a user (or the application) wrote, what was found for the model to read, what a model
wants to tell a tool, what a tool gave back, what a model answers."""
STAGES: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
Action = Literal["allow", "flag", "redact", "block", "escalate"]
"""In the order of their weight. ``escalate``: it is blocked for now and goes to people (a review queue)."""
ACTIONS: Final[tuple[Action, ...]] = ("allow", "flag", "redact", "block", "escalate")
Mode = Literal["enforce", "shadow", "off"]
"""``shadow``: the verdict is written down and changes nothing."""
OnFailure = Literal["closed", "open"]
OnUnread = Literal["allow", "flag", "block"]
Needs = Literal["cpu", "embed", "model", "service"]
"""What a plug needs to look: nothing but this process, the local embedder, a model through the gateway, or a program
beside this process (a guard service of the project's, a library in a thread of its own)."""
Role = Literal["system", "developer", "user", "assistant"]
NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
Called = Annotated[str, Meta(min_length=1, max_length=200)]


class Piece(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text to be looked at. ``role`` is the message's (``system``, ``user``, ``assistant``, ``tool``); ``place``
    names where it stands, for whoever puts a redacted text back; ``tool`` is the tool's name at its two stages.
    ``cuts``: where in the text the parts of one message meet, in which it came (`parts.py`)."""

    stage: Stage
    text: str
    role: str = ""
    place: str = ""
    tool: str = ""
    cuts: tuple[int, ...] = ()


class Unread(Struct, frozen=True, kw_only=True):
    """A part of what is asked that no guard can read: ``what`` is image, audio, video or file."""

    stage: Stage
    what: str
    role: str = ""


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a guard sees at once: ``pieces`` are what it must judge, the rest is what it may judge them by. ``unread``
    is what stands beside them and cannot be looked at.

    ``system`` is the system prompt, ``question`` the user's last words, ``context`` the texts the answer should rest
    on, ``schema`` what the answer must look like. ``whole``: nothing more is to come (false while a stream runs, whose
    piece then is a window of it)."""

    pieces: tuple[Piece, ...]
    system: str = ""
    question: str = ""
    context: tuple[str, ...] = ()
    schema: Json = None
    finish: str = ""
    whole: bool = True
    unread: tuple[Unread, ...] = ()


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something in one piece: characters ``start`` to ``end``, which ``kind`` of thing, how sure (0 to 1), and what
    stands there once it is redacted (None: `[KIND]`). ``restore``: where the model's answer says ``instead``, the
    client gets back what stood here. ``goes_on``: it is the rest of what began in another piece, and counts there. The
    text itself is never in a finding: verdicts are kept."""

    piece: int
    start: int
    end: int
    kind: str
    score: float = 1.0
    instead: str | None = None
    restore: bool = False
    goes_on: bool = False


class Look(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a guard saw. ``score`` in [0, 1] is compared with the threshold; ``reason`` is one sentence for people
    which quotes no sensitive text; ``label`` the family or topic, where there is one. ``cost`` in picodollars is what
    looking cost, null if unknown."""

    score: float = 0.0
    reason: str = ""
    label: str = ""
    findings: tuple[Finding, ...] = ()
    cost: int | None = 0


class CannotTell(Struct, frozen=True, kw_only=True):
    """The guard could not look, and why in a sentence: its failure mode decides."""

    reason: str
    cost: int | None = 0


Outcome = Look | CannotTell


T = TypeVar("T")


class Notes:
    """What guards have worked out of texts in one run of a chain, so that those behind them need not do it again."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Any] = {}

    def once(self, what: str, text: str, make: Callable[[str], T]) -> T:
        """What ``make`` makes of the text, which is the same whoever asks for ``what``; nobody may change it."""
        key = (what, text)
        if key not in self._made:
            self._made[key] = make(text)
        return self._made[key]


class Tools(Struct, frozen=True, kw_only=True):
    """What a guard may reach; None: not there. ``ask`` goes through the gateway, into the ledger, as a call of its own.
    ``pseudonym`` gives the same stand-in for the same datum in one project, and cannot be undone without its key."""

    ask: Callable[[Asked], Awaitable[Answered]] | None = None
    asking: Callable[[str], Callable[[Asked], Awaitable[Answered]]] | None = None
    """Makes ``ask`` for a guard by its name: whoever runs guards does."""
    embed: Embed | None = None
    pseudonym: Callable[[str, str], str] | None = None
    """``(kind, text) -> stand-in``."""
    reach: Callable[[str, bytes], Awaitable[bytes]] | None = None
    """``(service, JSON) -> JSON``: asks a guard service of the project by its name. Raises `TrimtabError` where it is
    not there, does not answer, or answers too much."""
    notes: Notes | None = None
    """Of this run: whoever runs a chain gives it."""


class Guard(Protocol):
    """The contract of a plug in `guards/` (its `PLUG`), tested for each by `tests/contracts`.

    ``version`` grows whenever the same text might be judged otherwise. ``options`` is the type of its settings (a
    frozen Struct), `made` turns them once into what `look` is handed (raises `InvalidRequest`). ``stages`` and
    ``actions`` are those that make sense for it, ``threshold`` its score from which on it acts where the team says
    nothing. ``window``: characters of an output stream that have to be seen together for it to see what it looks for;
    None where it can judge whole answers only. ``seam``: what it reads between two texts of one voice where what it
    looks for may be split over them (`seams.py`); None where it does not look there. `look` is plain and pure where
    ``needs`` is ``cpu``, so that it may run in a thread; else it is a coroutine function.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def needs(self) -> Needs: ...
    @property
    def stages(self) -> tuple[Stage, ...]: ...
    @property
    def actions(self) -> tuple[Action, ...]: ...
    @property
    def threshold(self) -> float: ...
    @property
    def window(self) -> int | None: ...
    @property
    def seam(self) -> str | None: ...
    @property
    def options(self) -> Any: ...
    def made(self, options: Any) -> Any: ...
    def look(self, subject: Subject, ready: Any, tools: Tools) -> Outcome | Awaitable[Outcome]: ...


class GuardSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A guard as a team sets it up; every change of it is a new version.

    ``kind`` is the plug and ``options`` are its settings. No ``stages``: all that the plug has. ``roles``: of messages
    at the stage `input` only those of these; none: all. ``applies_to`` names what is called (apps, routes, models;
    ``*`` at the end stands for anything) and is guarded whatever a release says; empty: only where an app lists it.
    ``order``: lower looks first. ``budget`` is what its own model calls may cost in a day, a decimal of the project's
    currency. ``queue`` is the review queue that ``escalate`` sends to; ``refusal`` the template of what the user is
    told. ``data_class``: of which class a call's data is at least, once the guard has found something in it.
    ``unread`` is what becomes of a call with parts that no guard can read (pictures, sound, files that are no text): it
    passes, which the verdict says (``flag``) or does not (``allow``), or it is blocked.
    """

    kind: str
    description: Annotated[str, Meta(max_length=2_000)] = ""
    options: dict[str, Json] = {}
    stages: tuple[Stage, ...] = ()
    roles: tuple[Role, ...] = ()
    action: Action = "flag"
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    mode: Mode = "enforce"
    on_failure: OnFailure = "closed"
    timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] | None = None
    budget: str | None = None
    applies_to: Annotated[tuple[Called, ...], Meta(max_length=100)] = ()
    order: Annotated[int, Meta(ge=0, le=1_000)] = 100
    queue: str = ""
    refusal: str = ""
    data_class: str = ""
    unread: OnUnread = "flag"


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one guard decided at one stage of one call, as the record and the span have it. ``action`` is what it asked
    for; it was done where ``mode`` is ``enforce``. ``failed``: why it could not tell. ``found`` counts findings by
    kind, ``unread`` what stood there that it could not read. ``took_us`` is its time in microseconds."""

    guard: str
    version: int
    kind: str
    detector: str
    stage: Stage
    action: Action
    mode: Mode = "enforce"
    score: float = 0.0
    threshold: float = 0.0
    reason: str = ""
    label: str = ""
    found: dict[str, int] = {}
    failed: str = ""
    took_us: int = 0
    cost: int | None = 0
    data_class: str = ""
    unread: dict[str, int] = {}
