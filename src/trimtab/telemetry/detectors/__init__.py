"""Silent failures: answers that came back with a 200 and are no good all the same. One file each, found by name.

A detector is a pure function of one answer and a bounded memory; it runs in the telemetry process on every model call
whose content is kept, beside the mapping of records to rows, so it must cost next to nothing where there is nothing to
find: look at what is cheap first and leave. What it finds becomes a score (`scores.py`) of source ``detector``: its
name is the detector's, its value 1, its label which variety, its explanation the evidence. Nothing found, nothing
written. What each was measured to find, and to find wrongly, is in `docs/detectors.md`.

A record may be mapped twice (a batch that goes again): scores have ids made of the span and the detector, and the
memory knows a span by its id, so that nothing is found because it was seen before.
"""

import logging
from collections.abc import Callable
from typing import Final, Generic, Literal, TypeVar

from msgspec import Struct

from trimtab.core.registry import Registry
from trimtab.llm.types import Message, ResponseFormat, Text, Tool, ToolCall
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.scores.types import Score, ScoreBatch, add_scores, id_for

logger = logging.getLogger("trimtab.telemetry.detectors")
K = TypeVar("K")
V = TypeVar("V")

SESSIONS: Final = 20_000
"""Sessions whose last answers are remembered."""
BASELINES: Final = 4_000
"""Combinations of project, model and feature whose lengths of answers are remembered."""
QUESTIONS: Final = 20_000
"""People (or sessions) whose last question is remembered."""
LEFT: Final = "left"
"""Why an answer ended whose client went away in the middle of it."""
TRACES: Final = 5_000
"""Traces whose tool calls are remembered."""


class Said(Struct, frozen=True, gc=False):
    """One model's answer and what it was asked. ``answer`` is its visible text, ``question`` the last thing the user
    said; ``stop`` is canonical (`llm.types.StopReason`), or `LEFT`; ``at_ns`` when the answer was whole."""

    project: str
    trace_id: str
    span_id: str
    session: str
    model: str
    feature: str
    at_ns: int
    stop: str
    question: str
    answer: str
    messages: tuple[Message, ...]
    calls: tuple[ToolCall, ...]
    refused: bool
    tools: tuple[Tool, ...]
    format: ResponseFormat | None
    user: str = ""

    def system(self) -> str:
        """The standing instructions: system and developer messages at the beginning."""
        found: list[str] = []
        for message in self.messages:
            if message.role not in ("system", "developer"):
                break
            found += [part.text for part in message.parts if isinstance(part, Text)]
        return "\n".join(found)


class Finding(Struct, frozen=True):
    """What was found: which variety, in a word, and the evidence, in a sentence. ``of`` is the answer that it is about
    where that is an earlier one: its trace, its span and its session."""

    label: str
    why: str
    of: tuple[str, str, str] | None = None


class Recent(Generic[K, V]):
    """A dictionary that forgets what came first. Not what was longest not asked for: to keep that order would cost each
    answer more than it brings, where there is room for thousands."""

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[K, V] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = make()
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return found

    def __len__(self) -> int:
        return len(self._kept)


class Lengths:
    """How long answers of one kind are: logarithms of the last ones, and since when a level has held."""

    __slots__ = ("baseline", "last", "recent")

    def __init__(self) -> None:
        self.baseline: list[float] = []
        self.recent: list[float] = []
        self.last = ""


class Asked(Struct, gc=False):
    """A person's last question, which answer it got and in which session, and its words once somebody has asked for
    them."""

    text: str
    trace_id: str
    span_id: str
    at_ns: int
    session: str = ""
    words: frozenset[str] | None = None


class Memory:
    """What detectors remember of earlier answers, bounded. It begins empty with the telemetry process."""

    def __init__(self) -> None:
        self.answers: Recent[tuple[str, str], dict[int, tuple[str, int]]] = Recent(SESSIONS)
        self.lengths: Recent[tuple[str, str, str], Lengths] = Recent(BASELINES)
        self.tools: Recent[tuple[str, str], dict[int, set[str]]] = Recent(TRACES)
        self.asked: Recent[tuple[str, str], list[Asked]] = Recent(QUESTIONS)


Check = Callable[[Said, Memory], Finding | None]


class Detector(Struct, frozen=True, kw_only=True):
    """``version`` goes into every score, so that a better one can be told from what was found before. ``only`` spares a
    detector the answers in which it can find nothing: ``calls``, those that call tools; ``odd``, those that are blank
    or did not end by themselves. ``left``: it looks at what clients went away from, and at nothing else.

    ``person``: it looks at whose answer it is, and looks again once that is known; so it may meet an answer twice.
    ``alone``: it remembers nothing, so it may look in any process. ``lean``: it remembers, and looks at no tools, no
    format, and at messages but for the last one's role only where the answer calls tools."""

    version: str
    about: str
    check: Check
    only: Literal["", "calls", "odd", "left"] = ""
    person: bool = False
    alone: bool = False
    lean: bool = False


DETECTORS: Final[Registry[Detector]] = Registry("detectors", "trimtab.telemetry.detectors")

_Checks = tuple[tuple[str, str, Check], ...]
_ENDED: Final = ("stop", "stop_sequence")
_NONE: Final[frozenset[str]] = frozenset()


def _nothing_off(project: str) -> frozenset[str]:
    del project
    return _NONE


class _Some:
    """Detectors by the answers that they look at."""

    def __init__(self, plugs: dict[str, Detector]) -> None:
        each_of = {name: (name, plug.version, plug.check) for name, plug in plugs.items()}
        self.left: _Checks = tuple(each for name, each in each_of.items() if plugs[name].only == "left")
        self.all: _Checks = tuple(each for each in each_of.values() if each not in self.left)
        self.ordinary: _Checks = tuple(each for each in self.all if not plugs[each[0]].only)


class Detectors:
    """Detectors over one memory: all of them, or those that are ``alone``. ``off`` tells by project which are switched
    off."""

    def __init__(self, off: Callable[[str], frozenset[str]] = _nothing_off, *, alone: bool = False) -> None:
        self.off = off
        """By project, the names of what is off there, also beyond detectors (`switch_file.TEXT_INDEX`)."""
        self._memory = Memory()
        self._broken: set[str] = set()
        plugs = dict(DETECTORS.all())
        remembering = {name: plug for name, plug in plugs.items() if not plug.alone}
        self._own = _Some({name: plug for name, plug in plugs.items() if plug.alone or not alone})
        self._remembering = _Some(remembering)
        self._persons = _Some({} if alone else {name: plug for name, plug in plugs.items() if plug.person})
        self.remembers = not alone
        """Whether those that remember are among them."""
        self.lean = all(plug.lean for plug in remembering.values())
        """Whether those that remember need little of an answer."""

    def find(self, said: Said, some: _Some | None = None) -> list[tuple[str, str, Finding]]:
        """Name, version and finding of each that found something; of those switched off as well."""
        found: list[tuple[str, str, Finding]] = []
        memory = self._memory
        answer, some = said.answer, some or self._own
        # A text that ended by itself, and no tool call: nearly every answer.
        ordinary = answer and not said.calls and said.stop in _ENDED and not answer[0].isspace()
        checks = some.ordinary if ordinary else some.left if said.stop == LEFT else some.all
        for name, version, check in checks:
            try:
                finding = check(said, memory)
            except Exception:  # a plug is called: its defect must not lose the record
                if name not in self._broken:
                    self._broken.add(name)
                    logger.exception("the detector %s failed on span %s; told once", name, said.span_id)
                continue
            if finding is not None:
                found.append((name, version, finding))
        return found

    def add(self, rows: Rows, owner: int, said: Said) -> None:
        """Append a score for each finding; ``owner`` is the record's place in the batch."""
        self._add(rows, owner, said, self.find(said))

    def recall(self, rows: Rows, owner: int, said: Said) -> None:
        """The same by those that remember alone: the others have looked in another process."""
        self._add(rows, owner, said, self.find(said, self._remembering))

    def whose(self, rows: Rows, owner: int, said: Said) -> None:
        """The same by those that look at whose answer it is, which was not known when all others looked."""
        self._add(rows, owner, said, self.find(said, self._persons))

    def _add(self, rows: Rows, owner: int, said: Said, found: list[tuple[str, str, Finding]]) -> None:
        if not found:
            return
        off = self.off(said.project)
        scores = tuple(_score(said, *each) for each in found if each[0] not in off and "*" not in off)
        add_scores(rows.scores, owner, ScoreBatch(project=said.project, scores=scores))


def _score(said: Said, name: str, version: str, finding: Finding) -> Score:
    trace_id, span_id, session = finding.of or (said.trace_id, said.span_id, said.session)
    return Score(
        id=id_for(said.project, f"detector:{name}:{trace_id}:{span_id}"),
        target="span",
        trace_id=trace_id,
        span_id=span_id,
        session=session,
        name=name,
        value=1.0,
        label=finding.label,
        explanation=finding.why,
        source="detector",
        evaluator=f"trimtab/{name}",
        evaluator_version=version,
        at_ns=said.at_ns,
        version=said.at_ns,
    )
