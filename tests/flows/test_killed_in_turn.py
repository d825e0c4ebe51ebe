"""kill -9 of each kind of process in turn while spans come in: a worker, the telemetry process, a mapping process in
the middle of a backlog, and all of them at once. Every acknowledged span is there once."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from killing import ROUNDS, Senders, has_ended, is_each_there_once, running
from live import Live, until

from patience import PATIENCE_S
from trimtab.server.housing import SPOOL
from trimtab.telemetry.spool import barrier

pytestmark = pytest.mark.promise

MAPPERS = os.environ.get("TRIMTAB_MAPPERS", "1")
WORKERS = 2
SPANS = 400
"""Of a batch. Twenty-five of them are a backlog (`Pace.backlog_bytes`)."""
BACKLOG = 25
TELEMETRY, MAPPING, WORKER = "trimtab.telemetry.process", "trimtab.telemetry.mapping.process", "trimtab.server.workers"
VICTIMS = ("telemetry", "mapping", "worker", "server")


class Rounds:
    """A server, its senders, and who was killed."""

    def __init__(self, server: Live, chance: random.Random) -> None:
        self.server = server
        self.senders = Senders(chance, spans=SPANS, threads=2, pause_s=0.25)
        self.killed = Counter[str]()
        self._chance = chance

    def more(self, batches: int) -> None:
        wanted = len(self.senders.acknowledged) + batches
        until(lambda: len(self.senders.acknowledged) >= wanted, PATIENCE_S, self.server.told)

    def telemetry(self) -> int:
        """The telemetry process, once there is one: it may just have been killed."""
        return self._children(TELEMETRY, 1)[0]

    def _children(self, module: str, least: int) -> list[int]:
        """The server's children that run it, once there are so many."""
        found: list[int] = []

        def there() -> bool:
            found[:] = running(self.server.pid, module)
            return len(found) >= least

        until(there, PATIENCE_S, self.server.told)
        return found

    def backlog(self) -> None:
        """What the telemetry process finds when it goes on."""
        pid = self.telemetry()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.more(BACKLOG)
        finally:
            os.kill(pid, signal.SIGCONT)

    def helpers(self) -> list[int]:
        """Who helps to map what waits now, once there is anybody; none where all of it is stored without."""
        telemetry, spool, found = self.telemetry(), self.server.data / SPOOL, list[int]()
        there = barrier.marks(spool)

        def here() -> bool:
            found[:] = running(telemetry, MAPPING)
            return bool(found) or has_ended(telemetry) or barrier.behind(spool, there) == 0

        until(here, PATIENCE_S, self.server.told)
        return found

    def kill(self, whom: str) -> None:
        """After a moment of any length. A process that helps to map is there in a backlog only, if at all."""
        pids: list[int] = []
        if whom == "mapping" and MAPPERS != "0":
            self.backlog()
            if self.helpers() and self._chance.random() < 0.7:
                self.backlog()  # it is ready by now, and has something to do
            pids = running(self.telemetry(), MAPPING)
        elif whom == "worker":
            pids = self._chance.sample(self._children(WORKER, WORKERS), 1)
        elif whom != "server":
            pids = [self.telemetry()]
        time.sleep(self._chance.uniform(0.0, 0.4))
        if whom == "server":
            self.server.kill()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # one that helps to map goes when it is not needed
                os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: has_ended(pid), PATIENCE_S, self.server.told)
        self.killed[whom] += 1 if whom == "server" else len(pids)


@pytest.mark.timeout(900 + 30 * ROUNDS)
@pytest.mark.parametrize("catalog", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_kill_9_of_each_process_in_turn_loses_no_acknowledged_span_and_doubles_none(
    catalog: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(20261123)
    env = {"TRIMTAB_MAPPERS": MAPPERS}
    if catalog == "postgres":
        make: Callable[[], str] = request.getfixturevalue("postgres")
        env["TRIMTAB_DATABASE_URL"] = make()
    with Live(tmp_path, workers=WORKERS, env=env) as server:
        server.start()
        rounds = Rounds(server, chance)
        senders = rounds.senders.against(server.url)
        for number in range(ROUNDS):
            rounds.more(2)
            whom = VICTIMS[number % len(VICTIMS)]
            rounds.kill(whom)
            if whom == "server":
                senders.end()
                server.start()
                senders.against(server.url)
        rounds.more(2)
        senders.end()
        senders.against(server.url).end()
        assert senders.unsure == []
        server.settled()
        assert server.stop() == 0
        assert is_each_there_once(server, senders) == {}
        told = f"{ROUNDS} rounds, killed {dict(rounds.killed)}, {len(senders.acknowledged)} batches of {SPANS} spans\n"
        (tmp_path / "rounds.txt").write_text(told)
