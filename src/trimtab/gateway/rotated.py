"""What a worker remembers of providers that were declared anew: their keys must not stay in memory until chance puts
something else in their place.

Heads of requests, targets with one of several keys and prices are kept by what they were made for, and nobody asks for
what an earlier snapshot said. `Rotated.look`, once a second, drops them when another snapshot is in force, and now and
then again: a call that began under the earlier one may have put something back.
"""

from collections.abc import Callable
from typing import Protocol

from trimtab.gateway.endpoints import Endpoints
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Provider
from trimtab.gateway.watch import Watch
from trimtab.gateway.way import Ways

AGAIN_EVERY = 60
"""Looks, after which everything is looked through although nothing was declared anew."""


class Remembering(Protocol):
    def keep(self, in_force: Callable[[Provider], bool]) -> None:
        """Forget what is of other providers."""
        ...


class Rotated:
    """``others`` remember something of providers, too."""

    def __init__(self, endpoints: Endpoints, watch: Watch, ways: Ways, *others: Remembering) -> None:
        self.endpoints = endpoints
        self._others = others
        self._watch = watch
        self._ways = ways
        self._seen: Snapshot | None = None
        self._looks = 0

    def look(self, snapshot: Snapshot) -> None:
        self._looks += 1
        if snapshot is self._seen and self._looks < AGAIN_EVERY:
            return
        self._seen, self._looks = snapshot, 0
        declared = {id(each.headers): each for of in snapshot.targets.values() for each in of.providers.values()}

        def in_force(provider: Provider) -> bool:
            """Whether it is one of the snapshot's, or one of those with one of its several keys: whoever replaces a
            field of a provider leaves it the headers that it was declared with."""
            now = declared.get(id(provider.headers))
            return (
                now is not None
                and now.headers is provider.headers
                and (provider.api_key == now.api_key or provider.api_key in now.api_keys)
            )

        self._ways.follow(snapshot)
        self._watch.keep(in_force, snapshot.targets)
        self.endpoints.keep(in_force)
        for each in self._others:
            each.keep(in_force)
