"""What others wrote is shown on a terminal, and not obeyed."""

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
import httpx
import pytest
from live import ADMIN, admin
from shells import Shell

from patience import PATIENCE_S
from trimtab.cli import base, evaluating, terminal
from trimtab.cli import eval as eval_
from trimtab.core.errors import InvalidRequest

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[8m\x9b31m\r\u202egnp.exe\x00"
SHOWN = "\\u001b]0;owned\\u0007\\u001b[2J\\u001b[8m\\u009b31m\\u000d\\u202egnp.exe\\u0000"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def on_screen() -> Generator[Screen]:
    """Standard output is a terminal; pytest puts its own there after the fixtures, so this is none."""
    before, screen = sys.stdout, Screen()
    sys.stdout = screen
    try:
        with terminal.guarded():
            yield screen
        assert sys.stdout is screen
    finally:
        sys.stdout = before


def test_a_terminal_gets_nothing_that_it_would_obey_but_colours() -> None:
    with on_screen() as screen:
        click.echo(HOSTILE)
        click.echo(click.style("ours", fg="red", bold=True))
        click.echo("two\r\nlines\tof שלום and 👩‍💻")
        sys.stdout.writelines(["\x07", "\n"])
    assert screen.getvalue().splitlines() == [
        SHOWN,
        "\x1b[31m\x1b[1mours\x1b[0m",
        "two",
        "lines\tof שלום and 👩‍💻",
        "\\u0007",
    ]


def test_json_on_a_terminal_stays_the_same_json() -> None:
    with on_screen() as screen:
        base.print_json({"name": HOSTILE})
    assert json.loads(screen.getvalue()) == {"name": HOSTILE}
    assert terminal.visible(screen.getvalue()) == screen.getvalue()


def test_a_pipe_gets_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.guarded():
        sys.stdout.write(HOSTILE)
    assert capsys.readouterr().out == HOSTILE


def test_a_table_shows_them_also_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    base.print_table(("NAME", "LIST"), [(HOSTILE, ["\x1b[1m"])], empty="")
    told = capsys.readouterr().out
    assert SHOWN in told
    assert terminal.visible(told) == told


def test_a_span_and_an_error_do_nothing_to_who_looks_at_them(shell: Shell) -> None:
    now, trace = time.time_ns(), "ab" * 16
    span = {
        "traceId": trace, "spanId": "cd" * 8, "name": HOSTILE, "kind": 3,
        "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 10**6),
        "status": {"code": 2, "message": HOSTILE},
        "attributes": [{"key": "output.value", "value": {"stringValue": HOSTILE}}],
    }  # fmt: skip
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    url = f"{shell.server.url}/v1/traces"
    sent = httpx.post(
        url,
        json=request,
        headers={**admin(), "trimtab-project": shell.environment["TRIMTAB_PROJECT"]},
        timeout=PATIENCE_S,
    )
    assert sent.json() == {}
    shell.server.settled()
    for arguments in (
        ("traces", "show", trace),
        ("traces", "tail", "--last", "1h", "--limit", "1"),
        ("traces", "show", HOSTILE[:-1]),
    ):
        told = on_a_terminal(shell, *arguments)
        left = told.replace("\r\n", "\n").replace("\x1b[1m", "").replace("\x1b[0m", "")
        assert terminal.visible(left) == left, told
        assert "owned" in told


def test_a_diagnosis_and_an_evaluation_do_nothing_either(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "\x1b]0;owned\x07"
    told = on_a_terminal(shell, "doctor", "--data-dir", str(data))
    assert "owned" in told
    assert "\x07" not in told

    def hostile(_client: object, _project: str, _suite: str, tell: Callable[[str], None]) -> NoReturn:
        tell(HOSTILE)
        raise InvalidRequest(HOSTILE, fix="")

    monkeypatch.setattr(evaluating, "suite_of", hostile)
    monkeypatch.setenv("TRIMTAB_API_KEY", "tk_any")
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(click.ClickException):
        eval_.command.main(["any", "--release", "a@r1", "--url", "http://127.0.0.1:9"], standalone_mode=False)
    assert screen.getvalue() == f"{SHOWN}\n"


def on_a_terminal(shell: Shell, *arguments: str) -> str:
    """What a terminal would get of a command."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, **shell.environment, "TRIMTAB_ADMIN_KEY": ADMIN, "TERM": "xterm", "COLUMNS": "200"}
    argv = [sys.executable, "-m", "trimtab.cli.main", *arguments]
    with subprocess.Popen(argv, env=environment, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        told, end = b"", time.monotonic() + PATIENCE_S
        while time.monotonic() < end and select.select([ours], [], [], PATIENCE_S)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            told += part
    os.close(ours)
    return told.decode()
