"""Who decides about rollouts where nobody does: the controller.

Of all processes on one catalog one leads (`storage/leaders.py`). Every second or two it looks at each open rollout: it
asks the telemetry store what both arms did since the step began, has `releases/rules.py` judge, and makes the move with
the same functions as people do, with the evidence beside it. What it decided on is the rollout's revision: where a
person moved it meanwhile, or a second process believes that it leads, one of the two is refused and looks again.

It never guesses. While the store is away, or what the environment demands lacks, nothing goes on; a held rollout is
only ever taken back. Times are the catalog's, so that neither a restart nor another machine's clock makes a step
shorter.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import Conflict, NotFound, TrimtabError, Unavailable
from trimtab.releases import rollouts
from trimtab.releases.protection import Readiness
from trimtab.releases.rollout import Action, Move, has_next
from trimtab.releases.rollouts import CONTROLLER, Act
from trimtab.releases.rules import Decision
from trimtab.releases.types import Rollout
from trimtab.server.leading import Leadership
from trimtab.storage import leaders
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.rolling")

NAME: Final = "rollouts"
LOOK_S: Final = 1.0
AT_ONCE: Final = 16
"""Rollouts whose figures are asked for at a time."""
HOLD_MS: Final = 6_000
"""For how long a leader that says nothing is waited for: longer than one round should take."""
MOVES: Final[dict[str, Action]] = {
    "advance": "advance",
    "promote": "promote",
    "hold": "hold",
    "rollback": "roll_back",
}

Judge = Callable[[Rollout, int], Awaitable[Decision]]
"""What the figures of a rollout say at a moment (Unix ms). Raises `Unavailable` while they cannot be had."""


class Look(Struct, frozen=True, kw_only=True):
    """What was seen of a rollout: the decision (None where there could be none), and what stands in its way."""

    decision: Decision | None
    waits: str = ""


class Parts(Struct, frozen=True, kw_only=True):
    """``changed`` brings a change into force on every worker and returns when it is."""

    db: Database
    judge: Judge
    changed: Callable[[], Awaitable[None]]
    clock: Clock


class Controller:
    """Runs beside a worker. For one event loop."""

    def __init__(self, parts: Parts, *, look_s: float = LOOK_S, patience_s: float = LOOK_S) -> None:
        """``patience_s``: for how long a turn waits for its looks; what takes longer goes on beside the next turns."""
        self._parts = parts
        self._patience_s = patience_s
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._few = asyncio.Semaphore(AT_ONCE)
        self._leading = Leadership(parts.db, parts.clock, NAME, HOLD_MS)
        self._turns = Turns(self.turn, "the rollout controller", look_s, logger)
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._turns.run()
        finally:
            for look in self._looks.values():
                look.cancel()

    async def leave(self) -> None:
        """Let another lead, now."""
        await self._leading.leave()

    async def turn(self) -> bool:
        """One look at every open rollout, all at a time: a store that is slow about one keeps none of the others from
        going back. False, for the next turn comes by itself."""
        found = await self._parts.db.read(rollouts.open_rollouts)
        self._said = {key: said for key, said in self._said.items() if key in {each.id for each in found}}
        if not found or not await self._leading.held():
            return False
        for each in found:
            if each.id not in self._looks:
                look = asyncio.ensure_future(self._look_at(each))
                self._looks[each.id] = look
                look.add_done_callback(lambda _, key=each.id: self._looks.pop(key, None))
        if self._looks:
            await asyncio.wait(self._looks.values(), timeout=self._patience_s)
        return False

    async def _look_at(self, each: Rollout) -> None:
        try:
            async with self._few:
                await self._decide(each)
        except (Conflict, NotFound) as error:
            # Somebody was quicker: the next look sees what there is now.
            logger.info("rollout %s was not moved: %s", each.id, error.sentence())
        except Unavailable as error:
            self._say(each, error.sentence())
        except Exception as error:  # noqa: BLE001  an edge: one that is broken must not keep another from going back
            self._defect(each, error)

    def _now(self, conn: Connection) -> int:
        return leaders.now_ms(conn, self._parts.clock.now_ns() // 1_000_000)

    def _say(self, each: Rollout, why: str) -> None:
        """In the log, once for each reason."""
        if self._said.get(each.id) != why:
            self._said[each.id] = why
            if why:
                logger.info("rollout %s (%s in %s) waits: %s", each.id, each.app, each.environment, why)

    def _defect(self, each: Rollout, error: Exception) -> None:
        """In the log with where it came from, once for as long as it stays the same."""
        why = f"It cannot be judged: {error!r}"
        if self._said.get(each.id) != why:
            self._said[each.id] = why
            logger.error(
                "rollout %s (%s in %s) cannot be judged", each.id, each.app, each.environment, exc_info=error
            )  # fmt: skip

    async def look(self, each: Rollout) -> Look:
        """What there is to be seen now; decides nothing."""
        now = await self._parts.db.read(self._now)
        try:
            decision = await self._parts.judge(each, now)
        except Unavailable as error:
            return Look(decision=None, waits=f"The figures cannot be had: {error.sentence()}")
        return Look(decision=decision, waits=await self._obstacle(each, decision))

    async def _obstacle(self, each: Rollout, decision: Decision) -> str:
        """What keeps a decision from being carried out; empty where nothing does."""
        if decision.action in ("wait", "rollback"):
            return ""
        if each.state == "held":
            return "It is held until somebody resumes it."
        if decision.action in ("advance", "promote") and each.override is None:
            found = await self._parts.db.read(lambda conn: self._ready(conn, each))
            return " ".join(check.detail for check in found.lacking())
        return ""

    def _ready(self, conn: Connection, each: Rollout) -> Readiness:
        now = self._now(conn)
        return rollouts.readiness(
            conn, each.project_id, each.app, each.environment, each.candidate, note=each.note, now=now
        )

    async def _decide(self, each: Rollout) -> None:
        seen = await self.look(each)
        self._say(each, seen.waits)
        if seen.decision is None or seen.waits or seen.decision.action == "wait":
            return
        action = _action(each, seen.decision)
        if action is None or not await self._leading.held():  # another may have begun to, while the store was slow
            return
        evidence = msgspec.to_builtins(seen.decision)
        move = Move(action=action, reason=seen.decision.reason, evidence=evidence)

        def write(conn: Connection) -> Rollout:
            now = self._now(conn)
            act = Act(
                project_id=each.project_id,
                rollout=each.id,
                move=move,
                actor=CONTROLLER,
                now=now,
                expected=each.revision,
            )
            return rollouts.act(conn, act)

        made = await self._parts.db.write(write)
        logger.info(
            "rollout %s of %s in %s to r%d: %s. %s",
            each.id, each.app, each.environment, each.candidate, made.state, move.reason,
        )  # fmt: skip
        try:
            await self._parts.changed()
        except TrimtabError as error:
            # It is written down; every process takes it over by itself within a second or so.
            logger.warning("whether every worker has the change cannot be known: %s", error.sentence())


def _action(each: Rollout, decision: Decision) -> Action | None:
    """The move that carries a decision out; None where there is nothing to do: a held one is not held again."""
    if each.state == "held" and decision.action != "rollback":
        return None
    action = MOVES[decision.action]
    return "promote" if action == "advance" and not has_next(each) else action
