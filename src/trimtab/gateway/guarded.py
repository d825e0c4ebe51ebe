"""Guards as the rest of the path knows them: a project's in its snapshot, and a call's own (`guarding.CallGuards`)."""

from typing import Any, Protocol

from trimtab.governance.data_classes import Classes
from trimtab.guard.refusals import Refusals
from trimtab.guard.run import Ran, Runner, Swap
from trimtab.guard.spec import Broken, Chain, Ready, chain, means
from trimtab.guard.types import Subject, Tools, Verdict
from trimtab.llm.types import Response
from trimtab.telemetry.records import CallRecord

REMEMBERED = 4096


class ProjectGuards:
    """One project's guards in a snapshot. ``always`` look at what their ``applies_to`` stands for; ``classes`` are the
    project's, of which guards may say that a call's data is."""

    def __init__(self, always: tuple[Ready | Broken, ...], refusals: Refusals, classes: Classes | None = None) -> None:
        self.always = always
        self.refusals = refusals
        self.classes = classes or Classes()
        self._chains: dict[tuple[str, str, tuple[int, ...]], tuple[Any, Chain | None]] = {}

    def chain(self, called: str, own: tuple[Ready | Broken, ...], also: str = "") -> Chain | None:
        """Those for that name, with a release's ``own``; None where there are none. Made once for a name. ``also``:
        another name for what is called."""
        key = (called, also, tuple(id(each) for each in own))
        known = self._chains.get(key)
        if known is not None:
            return known[1]
        names = (called, also) if also else (called,)
        found = (each for each in self.always if any(means(each.spec.applies_to, name) for name in names))
        made = chain((*found, *own))
        if len(self._chains) < REMEMBERED:  # a caller may make up names
            self._chains[key] = (own, made)  # kept, so that nothing else gets their ids
        return made


class StreamGuard(Protocol):
    """An answer on its way through guards (`guard_stream.AnswerGuard`)."""

    stopped: Verdict | None

    async def feed(self, block: bytes) -> bytes: ...
    async def end(self) -> bytes: ...
    def note(self, attempt: Any) -> None: ...


class Guards(Protocol):
    """A call's guards. ``call`` is a `call.Call` and ``attempt`` a `call.Try`, which know of this file."""

    chain: Chain
    runner: Runner
    tools: Tools
    originals: dict[str, str]
    swaps: list[Swap]
    verdicts: list[Verdict]
    subject: Subject
    held: int
    base_class: str
    heard: set[str]
    looked: set[str]

    @property
    def hash(self) -> bytes: ...
    @property
    def claims(self) -> list[str]: ...
    def take(self, ran: Ran) -> None: ...
    def over(self, call: Any) -> None: ...
    def told(self, record: CallRecord) -> CallRecord: ...
    def unsent(self, by: Verdict, why: str) -> None: ...
    def of_answer(self) -> Subject: ...
    async def whole(self, call: Any, attempt: Any, body: bytes) -> bytes: ...
    def stream(self, call: Any) -> StreamGuard | None: ...
    async def stop(self, call: Any, by: Verdict, answer: Response | None) -> str: ...
