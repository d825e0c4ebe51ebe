"""Batches of a project that two replicas serve, as several tests of them look at them."""

import contextlib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
from live import Live, admin, until

from patience import PATIENCE_S

SECRET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def known(server: Live) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in server.api("/projects/default/batches", limit=100)["items"]}


def settled(server: Live) -> int:
    with contextlib.suppress(httpx.HTTPError):
        return sum(row["settled"] is not None for row in known(server).values())
    return 0


def used(server: Live, *more: str) -> Decimal:
    standing = server.api("/projects/default/limits")["items"][0]["standings"][0]
    return sum((Decimal(standing[name]) for name in ("used", *more)), Decimal())


def attempts(server: Live) -> list[dict[str, Any]]:
    """Every row of the books that cost something, with the batch it is of."""
    asked = {"sql": "SELECT response_id, cost_usd, feature FROM ledger WHERE cost_usd > 0"}
    told = httpx.post(f"{server.url}/api/v1/projects/default/sql", json=asked, headers=admin(), timeout=PATIENCE_S)
    assert told.is_success, told.text
    return [dict(zip(("response_id", "cost", "feature"), row, strict=True)) for row in told.json()["rows"]]


def killed_in_turn(
    one: Live, two: Live, make: Callable[[Live, int], str], *, batches: int, unsettled: int
) -> list[str]:
    """``batches`` are made by ``make`` on both; once less than ``unsettled`` of them are still to be settled, one is
    killed, and is back; then the same of the other. Their ids in the order of their making, once all are settled."""
    names = list[str]()
    for victim, other in ((one, two), (two, one)):
        names += [make((one, two)[number % 2], number) for number in range(batches)]
        before = len(names) - unsettled
        until(lambda other=other, before=before: settled(other) > before, PATIENCE_S, other.told)
        victim.kill()
        victim.start()
    until(lambda: settled(one) == len(names), PATIENCE_S, one.told)
    return names


def booked_once(one: Live, two: Live, names: list[str]) -> None:
    """Each of the batches is completed and stands in the books once, at its cost, and no more is used than that."""
    rows = known(one)
    assert {row["state"] for row in rows.values()} == {"completed"}
    for each in (one, two):
        each.settled()
    # Each replica has a store of its own: together they have each booking once.
    booked = [row for each in (one, two) for row in attempts(each)]
    assert Counter(row["response_id"] for row in booked) == dict.fromkeys(names, 1)
    for row in booked:
        assert Decimal(row["cost"]) == Decimal(rows[row["response_id"]]["cost"])
        assert row["feature"] in ("batch-0", "batch-1")
    spent = sum(Decimal(row["cost"]) for row in rows.values())
    until(lambda: used(two) == spent, PATIENCE_S, lambda: f"{used(two)} is used, and {spent} was spent")
