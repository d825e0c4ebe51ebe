"""What a worker does to forward closed traces, put together; and how destinations fare, as metrics."""

import asyncio
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from trimtab.core.clock import Clock
from trimtab.core.errors import Unavailable
from trimtab.governance import store as governance
from trimtab.governance.secrets import SecretBox
from trimtab.server.config.file import ConfigFile
from trimtab.storage.database import Database
from trimtab.telemetry.forward import store
from trimtab.telemetry.forward.delivery import Parts as DeliveryParts
from trimtab.telemetry.forward.forwarder import Forwarder, Parts
from trimtab.telemetry.forward.guard import Network
from trimtab.telemetry.forward.kafka import KafkaSender
from trimtab.telemetry.forward.material import Asker, Material
from trimtab.telemetry.forward.senders import OtlpSender, Sender, WebhookSender
from trimtab.telemetry.forward.store import State
from trimtab.telemetry.forward.types import Destination


class Forwarding:
    """One worker's. ``config`` gives the config file in force; ``allowed`` private networks that may be sent to."""

    def __init__(
        self, db: Database, box: SecretBox, reader: Asker, config: Callable[[], ConfigFile],
        slug_of: Callable[[str], str], clock: Clock, allowed: tuple[Network, ...], folder: Path,
    ) -> None:  # fmt: skip
        self._db = db
        self._box = box
        self._config = config
        self._clock = clock
        self._allowed = allowed
        delivery = DeliveryParts(
            db=db,
            material=Material(reader),
            slug_of=slug_of,
            clock=clock,
            rng=random.Random(),  # noqa: S311  it spreads retries, and keeps no secret
        )
        self.forwarder = Forwarder(Parts(delivery=delivery, load=self.load, make=self.make, folder=folder))

    async def follow(self) -> None:
        """A change holds from now on: what arrives next is noted for it, and it is looked at at once."""
        await self.forwarder.follow()
        self.forwarder.wake()

    async def load(self) -> list[Destination]:
        """Every destination: the config file's hide those of the catalog with the same name. One whose secrets cannot
        be opened is left out; its view says why."""
        rows, projects = await self._db.read(lambda conn: (store.destinations(conn), governance.projects(conn)))
        found: dict[tuple[str, str], Destination] = {}
        for row in rows:
            try:
                found[row.project_id, row.name] = store.destination_of(self._box, row)
            except Unavailable:
                continue
        config = self._config()
        for project in projects:
            if project.slug == config.project:
                for name, destination in config.forwards.items():
                    found[project.id, name] = replace(destination, project_id=project.id)
        return list(found.values())

    def make(self, destination: Destination) -> Sender:
        """How to send there."""
        if destination.kind == "kafka":
            return KafkaSender(destination, self._allowed)
        made = WebhookSender if destination.kind == "webhook" else OtlpSender
        return made(destination, self._allowed, lambda: self._clock.now_ns() // 1_000_000)

    async def lines(self, slug_of: Callable[[str], str]) -> bytes:
        """For Prometheus; the same from every worker. Nothing while the catalog is away."""
        try:
            states, there = await asyncio.gather(self._db.read(store.states), self.load())
        except Unavailable:
            return b""
        keys = {(each.project_id, each.name) for each in there}
        known = [each for each in states if (each.project_id, each.name) in keys]
        return forward_lines(known, slug_of, self._clock.now_ns() // 1_000_000)


def lag_ms(state: State, now: int) -> int:
    """For how long the oldest of what is due has waited."""
    return 0 if state.waiting_since is None else max(0, now - state.waiting_since)


def forward_lines(states: Iterable[State], slug_of: Callable[[str], str], now: int) -> bytes:
    """Counters and gauges of every destination in Prometheus' text format; nothing where there is none."""
    found = [(f'{{project="{slug_of(each.project_id)}",destination="{each.name}"}}', each) for each in states]
    if not found:
        return b""
    lines: list[str] = []
    for name, (kind, about, value) in _SERIES.items():
        full = f"trimtab_forward_{name}"
        lines += [f"# HELP {full} {about}", f"# TYPE {full} {kind}"]
        lines += [f"{full}{labels} {value(each, now):.15g}" for labels, each in found]
    return ("\n".join(lines) + "\n").encode()


_SERIES: Final[dict[str, tuple[str, str, Callable[[State, int], float]]]] = {
    "delivered": ("counter", "Closed traces that a destination has taken", lambda each, _: each.delivered),
    "failed": ("counter", "Closed traces that were put on the failed list", lambda each, _: each.failed),
    "passed_over": ("counter", "Closed traces that filter or sample left out", lambda each, _: each.passed_over),
    "lag_seconds": ("gauge", "Age of the oldest trace that is due", lambda each, now: lag_ms(each, now) / 1000),
    "failing": ("gauge", "1 while a destination takes nothing", lambda each, _: int(each.tries > 0)),
}
