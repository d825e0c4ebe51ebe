"""What guards reach in this server: models by the live path, the local embedder, stand-ins that nobody else can make;
and the review queue that `escalate` sends to."""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.gateway.guarding import Escalated
from trimtab.governance.secrets import SecretBox
from trimtab.guard.types import Tools
from trimtab.ledger.limits import Rule, Scope, picodollars
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.embedder import Embedder
from trimtab.review import items, queues
from trimtab.review.items import NewItem
from trimtab.scoring.types import Answered, Asked
from trimtab.server.held_answers import subject_of
from trimtab.server.inner.calls import InnerCaller, InnerCalls
from trimtab.server.inner.guard_services import GuardServices
from trimtab.server.inner.judge_tools import body_of
from trimtab.server.review_subjects import bounded
from trimtab.storage.database import Database
from trimtab.storage.leaders import now_ms

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEATURE: Final = "trimtab.guard."
"""What the feature of a guard's own calls begins with; its name follows."""
DEADLINE_S: Final = 60.0
CACHED: Final = {b"trimtab-cache": b"exact; ttl=86400"}
"""The same question of a guard about the same text is asked and paid once a day."""
WHY: Final = "guard"
PRIORITY: Final = 50.0


class GuardTools:
    """Makes `Tools` bound to one project. ``calls`` is asked for when a guard asks: it is made later than this."""

    def __init__(
        self, calls: Callable[[], InnerCalls], embedder: Embedder, box: SecretBox, services: GuardServices | None = None
    ) -> None:
        self._calls = calls
        self._embedder = embedder
        self._services = services
        self._key = box.derived("guard stand-ins")
        self._made: dict[str, Tools] = {}

    def __call__(self, project_id: str) -> Tools:
        made = self._made.get(project_id)
        if made is None:
            made = self._made[project_id] = self._bound(project_id)
        return made

    def _bound(self, project_id: str) -> Tools:
        key = hmac.digest(self._key, project_id.encode(), "sha256")

        def pseudonym(kind: str, text: str) -> str:
            made = hmac.digest(key, f"{kind}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)
            return f"{kind}_{base64.b32encode(made[:10]).decode().lower()}"

        def asking(guard: str) -> Callable[[Asked], Awaitable[Answered]]:
            caller = InnerCaller(
                project_id=project_id, feature=FEATURE + guard, tags=("guard",), metadata={"guard": guard},
                priority="high",
            )  # fmt: skip

            async def ask(asked: Asked) -> Answered:
                answer = await self._calls().call(
                    caller, body_of(asked), deadline_s=DEADLINE_S, headers=CACHED, unguarded=True
                )
                answer = answer.raised()
                return Answered(text=answer.text, cost=answer.cost, trace_id=answer.trace_id)

            return ask

        reach = None if self._services is None else self._services.reach(project_id)
        return Tools(asking=asking, embed=self._embed, pseudonym=pseudonym, reach=reach)

    async def _embed(self, texts: Sequence[str], /) -> "npt.NDArray[np.float32]":
        import numpy

        if not texts:
            return numpy.zeros((0, 0), dtype=numpy.float32)
        return numpy.stack(await self._embedder.embed(texts))


def budget_rule(guard: str, amount: str) -> Rule:
    """What a guard's own calls may cost in a day, as a limit: counted as every limit is, so it is exact across workers
    and replicas."""
    scope = Scope(feature=(FEATURE + guard,))
    return Rule(name=f"guard-{guard}"[:63], measure="money", bound=picodollars(amount), window="day", scope=scope)


class Escalations:
    """Sends what a guard stopped to people."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def __call__(self, new: Escalated) -> None:
        """Raises `NotFound` where the queue is not there, `Unavailable` while the catalog is away."""
        subject = subject_of(DIALECTS.get(new.front), new.request, new.answer)
        note = f"Stopped by the guard {new.guard}: {new.reason}"
        item = NewItem(
            key=f"{new.request_id}:{new.guard}",
            why=WHY,
            subject=bounded(replace(subject, model=new.model, note=note)),
            trace_id=new.trace_id,
            app=new.model.partition("@")[0][:64],
            release=new.release[:16],
            priority=PRIORITY,
        )

        def send(conn: Connection) -> None:
            queue = queues.queue(conn, new.project_id, new.queue)
            items.send(conn, queue, item, now_ms(conn, self._clock.now_ns() // 1_000_000))

        await self._db.write(send)
