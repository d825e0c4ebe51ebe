"""What compiled routes work with beside the call."""

from typing import Protocol

import msgspec
from msgspec import Struct

from trimtab.gateway.route import Target as Place
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.judge import Judge
from trimtab.gateway.routing.meanings import Meanings
from trimtab.gateway.routing.share import Shares
from trimtab.gateway.staying_up.live import Live
from trimtab.llm.types import Usage


class Expect(Protocol):
    """What a call with that usage would cost there, in picodollars; None where no price is known."""

    def __call__(self, target: Place, usage: Usage, at_ns: int) -> int | None: ...


class Fittings(Struct, frozen=True, kw_only=True):
    """What compiled routes ask while they decide; it outlives snapshots. ``meanings`` and ``judge`` are None where no
    embedder is installed: a route that needs them is then broken, and says so."""

    live: Live
    expect: Expect
    pins: Pins
    meanings: Meanings | None = None
    judge: Judge | None = None
    shares: Shares = msgspec.field(default_factory=Shares)
