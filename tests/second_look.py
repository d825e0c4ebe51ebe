"""A second look at what failed among thousands of tests (docs/decisions/0017): a test that fails beside all others and
passes alone is told as unsteady and fails nothing, where `TRIMTAB_SECOND_LOOK` says how many may be so in one run. What
proves a promise (marker `promise`) is never forgiven, nor is a worker that died."""

import os
import subprocess
import sys

import pytest

ALLOWED = "TRIMTAB_SECOND_LOOK"
CAN_FAIL = ("setup", "call", "teardown")
"""The phases of a test; xdist names another where the process that ran it died."""


class SecondLook:
    """Lives in the process that tells the result: xdist's workers hand their reports on to it."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._failed: dict[str, bool] = {}
        self._unsteady: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            forgivable = report.when in CAN_FAIL and "promise" not in report.keywords
            self._failed[report.nodeid] = self._failed.get(report.nodeid, True) and forgivable

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus != pytest.ExitCode.TESTS_FAILED or not 0 < len(self._failed) <= self._allowed:
            return
        if session.testsfailed > len(self._failed) or not all(self._failed.values()):
            return  # something else failed too, such as reading a file of tests
        if _passes_alone(session.config, list(self._failed)):
            self._unsteady = list(self._failed)
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for each in self._unsteady:
            terminalreporter.write_line(f"UNSTEADY {each}: failed above, passed alone. It races: mend it.", yellow=True)


def _passes_alone(config: pytest.Config, failed: list[str]) -> bool:
    told = {name: value for name, value in os.environ.items() if name != ALLOWED}
    again = [sys.executable, "-m", "pytest", "-p", "no:xdist", "--rootdir", str(config.rootpath), *failed]
    sys.stdout.write("\n  ".join(("\nA second look, alone:", *failed)) + "\n")
    sys.stdout.flush()
    return subprocess.run(again, cwd=config.rootpath, env=told, check=False).returncode == 0


def register(config: pytest.Config) -> None:
    """Raises `pytest.UsageError` where the variable is no number."""
    allowed = os.environ.get(ALLOWED, "0")
    if not allowed.isdigit():
        raise pytest.UsageError(f"{ALLOWED} is the number of tests that may be unsteady, not {allowed!r}")
    if int(allowed) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecondLook(int(allowed)), "second-look")
