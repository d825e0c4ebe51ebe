"""The pytest plug-in: suites and scorers in the tests of a team that lives there (docs/evaluation.md).

    def test_the_draft_is_no_worse(trimtab):
        trimtab.check("suites/support.yaml", release="support@latest", against="production")

    def test_it_answers_in_json(trimtab):
        assert trimtab.score("json_valid", output=ask("...")).value == 1

Found by pytest through an entry point, in every run: nothing of Trimtab is imported before a test asks for the fixture.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from trimtab.scoring.types import Verdict
    from trimtab.sdk.client import Client
    from trimtab.sdk.experiment_types import Report

RUNS: Final = pytest.StashKey[list[str]]()
"""What suites came to, for the summary."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trimtab", "suites of Trimtab")
    group.addoption("--trimtab-url", default=None, help="The server. [env: TRIMTAB_URL]")
    group.addoption("--trimtab-project", default=None, help="The project's slug. [env: TRIMTAB_PROJECT]")
    group.addoption("--trimtab-budget", default=None, metavar="DOLLARS", help="What each suite may cost at most.")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    told: list[str] = config.stash.setdefault(RUNS, [])
    if told:
        terminalreporter.section("trimtab")
        for line in told:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", name="trimtab")
def _trimtab(request: pytest.FixtureRequest) -> "Iterator[Evaluator]":
    """Runs suites on the server, and scorers right here."""
    made = Evaluator(request.config)
    yield made
    made.close()


class Evaluator:
    """The fixture ``trimtab``. The server is asked only when a suite is run."""

    def __init__(self, config: pytest.Config) -> None:
        import os

        self._url: str | None = config.getoption("--trimtab-url")
        project: str | None = config.getoption("--trimtab-project")
        self._project = project or os.environ.get("TRIMTAB_PROJECT") or "default"
        self._budget: str | None = config.getoption("--trimtab-budget")
        self._folder = config.rootpath
        self._told: list[str] = config.stash.setdefault(RUNS, [])
        self._client: Client | None = None

    def run(self, suite: str, release: str, *, against: str | None = None, **more: Any) -> "Report":
        """What the suite found. ``suite`` is a file below the folder that pytest runs in, or a suite's name; ``more``
        as in `Client.experiments.start`. Raises a `trimtab.core.errors.TrimtabError` where it could not run."""
        from trimtab.cli import evaluating

        client, project = self._open(), self._project
        place = self._folder / suite
        name, folder = evaluating.suite_of(client, project, str(place) if place.is_file() else suite, _nothing)
        if self._budget is not None:
            more = {"budget": self._budget, **more}
        asked = evaluating.Asked(project=project, release=release, against=against, more={"origin": "ci", **more})
        begun = evaluating.start(client, name, asked)
        ended = client.experiments.wait(project, begun.id)
        report = evaluating.finish(client, project, ended, folder)
        verdict = "passed" if report.passed else "not passed"
        self._told.append(f"{name}: {verdict}: {report.says} ({begun.id})")
        return report

    def check(self, suite: str, release: str, *, against: str | None = None, **more: Any) -> "Report":
        """`run`, and fail the test where the release does not pass: it is worse, or there is not enough data to say."""
        report = self.run(suite, release, against=against, **more)
        if not report.passed:
            text = self._open().experiments.report(self._project, report.experiment, "terminal").text
            pytest.fail(text, pytrace=False)
        return report

    def score(self, scorer: str, *, options: dict[str, Any] | None = None, **sample: Any) -> "Verdict":
        """One scorer's word on one answer, without a server: ``output``, ``expected``, ``context``... as of
        `trimtab.scoring.types.Sample`. ``scorer`` may be ``FILE.py:FUNCTION``, below the folder that pytest runs in."""
        from trimtab.sdk.scorers import score

        file, colon, function = scorer.partition(".py:")
        if colon and not Path(file).is_absolute():
            scorer = f"{self._folder / file}.py:{function}"
        return score(scorer, sample, options)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _open(self) -> "Client":
        from trimtab.sdk.client import Client

        if self._client is None:
            self._client = Client(self._url)
        return self._client


def _nothing(_: str) -> None:
    return
