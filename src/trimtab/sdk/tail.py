"""`Client.tail`: traces as they come. Server-sent events, one connection after another, without a gap between them."""

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import RateLimited, Unavailable
from trimtab.sdk import types as t
from trimtab.sdk.connection import Connection, Unreachable, path

REMEMBERED: Final = 10_000
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0


class Heard(Struct, frozen=True, kw_only=True):
    """The data of one event. ``skipped``: so many calls at once were more than an event holds."""

    rows: list[t.Span] = []
    behind_ms: int = 0
    skipped: int = 0


def tail(
    http: Connection,
    project: str,
    q: str,
    since: int | None,
    skipped: Callable[[int], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[t.Span]:
    """The entry span of every trace that matches, once, as it comes; for ever. A connection that breaks, a server that
    restarts and one that has too many watchers are waited for; whatever else is wrong is raised as `Client` does."""
    seen: OrderedDict[str, None] = OrderedDict()
    last, failures, connected = since, 0, False
    while True:
        wait: float | None = None
        try:
            query: dict[str, str | int | None] = {"q": q, "since": last}
            for at, heard in _events(http.lines(path("projects", project, "traces", "live"), query=query)):
                last, failures, connected = at, 0, True
                if heard.skipped and skipped is not None:
                    skipped(heard.skipped)
                for row in reversed(heard.rows):
                    if row.trace_id not in seen:
                        yield row
                    seen[row.trace_id] = None
                while len(seen) > REMEMBERED:
                    seen.popitem(last=False)
        except (Unavailable, RateLimited) as error:
            if isinstance(error, Unreachable) and not connected:
                raise  # nobody was ever there: most likely the address is wrong
            wait = error.retry_after_s
        failures += 1
        pause(_wait(failures) if wait is None else wait)


def _wait(failures: int) -> float:
    """With jitter, so that those who watched one server do not all come back at once."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 20)) * random.uniform(0.5, 1.0)  # noqa: S311


def _events(lines: Iterator[str]) -> Iterator[tuple[int, Heard]]:
    """Each whole event that has an id and data."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if fields.get("id", "").isdecimal() and "data" in fields:
            yield int(fields["id"]), msgspec.json.decode(fields["data"], type=Heard)
        fields = {}
