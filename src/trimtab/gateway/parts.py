"""What the path of a call is made of."""

from collections.abc import Callable

from msgspec import Struct

from trimtab.core.clock import Clock
from trimtab.gateway.apps.knowledge import Knowledge
from trimtab.gateway.endpoints import Endpoints
from trimtab.gateway.guarding import Escalate
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.kept.cache import Semantic
from trimtab.gateway.money.books import Notes, Spool
from trimtab.gateway.money.settle import Prices
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.policy import Concurrency
from trimtab.gateway.releasing import Direct
from trimtab.gateway.rotated import Remembering
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.staying_up.live import Live
from trimtab.guard.run import Runner
from trimtab.guard.types import Tools
from trimtab.llm.transport import Transport
from trimtab.telemetry.records import CallRecord


class Parts(Struct, frozen=True, kw_only=True):
    """What a `Gateway` is made of. ``observe`` is told of every record (metrics, health); it must not fail or wait."""

    snapshot: Callable[[], Snapshot]
    transport: Transport
    endpoints: Endpoints
    prices: Prices
    spool: Spool
    clock: Clock
    observe: Callable[[CallRecord], None]
    live: Live | None = None
    notes: Notes | None = None
    """Where attempts are noted before they are sent; without it a killed server leaves no rows of them."""
    admission: Concurrency = Concurrency(limit=4096, queue=8192, max_wait_s=30.0)
    """How many calls this process has at providers at once, and how many more may wait for their turn."""
    answers: Answers | None = None
    """Where answers are kept for the cache and for idempotency keys; without it there is neither."""
    semantic: Semantic | None = None
    spending: Spending | None = None
    """Limits and budgets; without it there are none."""
    idempotency_s: float = 86_400.0
    """How long the answer to an idempotency key can be asked for again."""
    owner: str = "w0"
    """This process, unlike any other that ever uses the same ``answers``."""
    guard_tools: Callable[[str], Tools] = lambda project: Tools()  # noqa: ARG005
    """What guards of a project may reach, by its id."""
    guard_runner: Runner | None = None
    escalate: Escalate | None = None
    direct: Direct | None = None
    """Finds the releases of apps that are called by their number."""
    knowledge: Knowledge | None = None
    """Searches corpora; without it no app that has knowledge can be called."""
    remembering: tuple[Remembering, ...] = ()
    """What else remembers providers (`rotated.py`)."""
