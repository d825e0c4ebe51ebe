"""Waiting for an erasure: who waits hears how far it has come."""

from typing import Any, cast

import pytest

from trimtab.core.errors import InternalError
from trimtab.sdk.connection import Connection
from trimtab.sdk.kept import Erasure, Kept


def erasure(state: str, step: str = "", problem: str = "") -> Erasure:
    return Erasure(
        id="e1", project_id="p", subject="user", digest="", state=state, step=step, asked=0, asked_by="", finished=None,
        traces=0, rows={}, checks={}, problem=problem,
    )  # fmt: skip


class Answers:
    """A server that answers in turn."""

    def __init__(self, *answers: Erasure) -> None:
        self._answers = list(answers)

    def ask(self, *_: Any, **__: Any) -> Erasure:
        return self._answers.pop(0)


def test_who_waits_hears_of_every_look_and_gets_the_receipt() -> None:
    http = Answers(erasure("running", "spans"), erasure("running", "caches"), erasure("done"))
    heard: list[str] = []
    kept = Kept(cast("Connection", http))
    done = kept.wait_erased("p", "e1", every_s=0, tell=lambda job: heard.append(f"{job.state} {job.step}".strip()))
    assert done.state == "done"
    assert heard == ["running spans", "running caches", "done"]


def test_an_erasure_that_failed_is_an_error_with_its_problem() -> None:
    kept = Kept(cast("Connection", Answers(erasure("failed", problem="the store is full"))))
    with pytest.raises(InternalError, match="the store is full"):
        kept.wait_erased("p", "e1", every_s=0)
