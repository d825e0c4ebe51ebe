"""`Client.suites` and `Client.experiments`: put releases to a suite's cases, follow that, and read what was found."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from trimtab.sdk import experiment_types as t
from trimtab.sdk.connection import Connection, path

PAGE: Final = 200
LOOK_S: Final = 0.5
Format = Literal["json", "terminal", "markdown", "junit"]


class _Suites(Struct):
    items: list[t.Suite]
    cursor: str | None


class _Experiments(Struct):
    items: list[t.Experiment]
    cursor: str | None


class _Cells(Struct):
    items: list[t.Cell]
    cursor: str | None


class _Given(Struct):
    cells: int


class Suites:
    """``spec`` is what a suite's file says, as JSON (docs/evaluation.md)."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str, *, archived: bool = False) -> Iterator[t.Suite]:
        """By name."""
        query: dict[str, str | int | None] = {"archived": "true" if archived else None, "limit": PAGE}
        while True:
            page = self._http.ask("GET", path("projects", project, "suites"), _Suites, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, name: str) -> t.Suite:
        return self._http.ask("GET", path("projects", project, "suites", name), t.Suite)

    def put(self, project: str, name: str, spec: Mapping[str, Any], *, expected_revision: int | None = None) -> t.Suite:
        """Make it, or change it; what it says already makes no new revision."""
        body = {"spec": dict(spec), "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "suites", name), t.Suite, body=body)

    def archive(
        self, project: str, name: str, *, archived: bool = True, expected_revision: int | None = None
    ) -> t.Suite:
        """Put it away, or take it out again. Raises `Conflict` where it was changed since ``expected_revision``."""
        where = path("projects", project, "suites", name)
        body = {"archived": archived, "expected_revision": expected_revision}
        return self._http.ask("PATCH", where, t.Suite, body=body)


class Experiments:
    """``subjects``: what is put to the test, as ``support@r12``, and what it is compared with; without a second one,
    with what the suite says. ``more``: ``alone``, ``repeats``, ``budget``, ``cases``, ``fresh``, ``origin``."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def estimate(self, project: str, suite: str, subjects: Sequence[str], **more: Any) -> t.Estimate:
        """What it would cost; nothing is changed."""
        body = {"suite": suite, "subjects": list(subjects), **more}
        return self._http.ask("POST", path("projects", project, "experiments", "estimate"), t.Estimate, body=body)

    def start(self, project: str, suite: str, subjects: Sequence[str], **more: Any) -> t.Experiment:
        """It goes on by itself."""
        body = {"suite": suite, "subjects": list(subjects), **more}
        return self._http.ask("POST", path("projects", project, "experiments"), t.Experiment, body=body)

    def list(
        self, project: str, *, suite: str | None = None, state: str = "", subject: str = ""
    ) -> Iterator[t.Experiment]:
        """Newest first."""
        query: dict[str, str | int | None] = {
            "suite": suite, "state": state or None, "subject": subject or None, "limit": PAGE,
        }  # fmt: skip
        while True:
            page = self._http.ask("GET", path("projects", project, "experiments"), _Experiments, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, experiment: str) -> t.Experiment:
        return self._http.ask("GET", path("projects", project, "experiments", experiment), t.Experiment)

    def wait(
        self, project: str, experiment: str, *, told: Callable[[t.Experiment], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> t.Experiment:  # fmt: skip
        """Until it has ended, whatever its state then; ``told`` of each look at it."""
        while True:
            found = self.get(project, experiment)
            if told is not None:
                told(found)
            if found.has_ended:
                return found
            sleep(LOOK_S)

    def report(self, project: str, experiment: str, form: Format = "json") -> t.Report:
        """Raises `Conflict` before it has ended."""
        where = path("projects", project, "experiments", experiment, "report")
        return self._http.ask("GET", where, t.Report, query={"format": form})

    def cells(
        self, project: str, experiment: str, *, case_id: str = "", subject: int | None = None, state: str = ""
    ) -> Iterator[t.Cell]:
        """Every answer, by case, subject and repeat."""
        query: dict[str, str | int | None] = {
            "case_id": case_id or None, "subject": subject, "state": state or None, "limit": PAGE,
        }  # fmt: skip
        while True:
            page = self._http.ask("GET", path("projects", project, "experiments", experiment, "cells"), _Cells,
                                  query=query)  # fmt: skip
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def cancel(self, project: str, experiment: str) -> t.Experiment:
        """What is there stays; `resume` goes on."""
        return self._http.ask("POST", path("projects", project, "experiments", experiment, "cancel"), t.Experiment)

    def resume(
        self, project: str, experiment: str, *, budget: str | None = None, failed: bool = False, unknown: bool = False,
        allow_unpriced: bool = False,
    ) -> t.Experiment:  # fmt: skip
        """Go on. ``failed``: ask again for answers that are errors; ``unknown``: also for those that may have been paid
        for already. ``allow_unpriced``: with a budget, although a price is unknown."""
        body = {"budget": budget, "failed": failed, "unknown": unknown, "allow_unpriced": allow_unpriced}
        return self._http.ask(
            "POST", path("projects", project, "experiments", experiment, "resume"), t.Experiment, body=body
        )

    def give_scores(
        self, project: str, experiment: str, scores: Sequence[Mapping[str, Any]], *, last: bool = False
    ) -> int:
        """Scores of the suite's functions, made where the folder is; in how many cells they are now."""
        body = {"scores": [dict(each) for each in scores], "last": last}
        where = path("projects", project, "experiments", experiment, "scores")
        return self._http.ask("POST", where, _Given, body=body).cells
