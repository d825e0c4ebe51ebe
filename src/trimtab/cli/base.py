"""What every command shares: options, output, errors and exit codes.

Exit codes: 0 it worked; 1 it did not; 2 the command line or the environment is wrong; 3 the server cannot be reached;
4 the key was refused; 130 it was interrupted.
"""

import errno
import functools
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import IO, Any, ParamSpec, TypeVar, cast

import click
import msgspec

from trimtab.cli import saved_sessions, terminal
from trimtab.core.errors import Forbidden, TrimtabError, Unauthenticated
from trimtab.sdk.client import Client
from trimtab.sdk.connection import Unreachable, server_url

P = ParamSpec("P")
R = TypeVar("R")

OK, FAILED, USAGE, UNREACHABLE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130

EXIT_CODES = (
    (OK, "it worked"),
    (FAILED, "it did not work; standard error says why"),
    (USAGE, "the command line or the environment is wrong"),
    (UNREACHABLE, "the server cannot be reached"),
    (REFUSED, "the server refused the key"),
    (INTERRUPTED, "interrupted (Ctrl-C)"),
)


class Failure(click.ClickException):
    """A failure that is told and ends the command; as JSON on standard error where the command was asked for JSON."""

    def __init__(self, error: TrimtabError, *, as_json: bool) -> None:
        super().__init__(error.sentence())
        self.error = error
        self.as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  click's signature
        if self.as_json:
            told = {"code": self.error.code, "message": self.error.message, "fix": self.error.fix}
            click.echo(msgspec.json.encode({"error": told}).decode(), err=True)
        else:
            with terminal.guarded():
                click.echo(f"trimtab: {self.error.message}", err=True)
                if self.error.fix:
                    click.echo(f"  -> {self.error.fix}", err=True)


class NotReached(Failure):
    exit_code = UNREACHABLE


class KeyRefused(Failure):
    exit_code = REFUSED


def failure_of(error: TrimtabError) -> type[Failure]:
    if isinstance(error, Unreachable):
        return NotReached
    return KeyRefused if isinstance(error, Unauthenticated | Forbidden) else Failure


@contextmanager
def told(*, as_json: bool) -> Generator[None]:
    """Errors of ours become a `Failure`; nothing else is caught."""
    try:
        yield
    except TrimtabError as error:
        raise failure_of(error)(error, as_json=as_json) from error


@contextmanager
def files_told(*, as_json: bool) -> Generator[None]:
    """A file of the user's that cannot be read or written is an error of ours: a folder that is none, a full disk."""
    try:
        yield
    except OSError as error:
        said = _about_a_file(error)
        if said is None:
            raise
        raise failure_of(said)(said, as_json=as_json) from error


def _about_a_file(error: OSError) -> TrimtabError | None:
    where, why = error.filename2 or error.filename, error.strerror
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):  # of a whole folder
        _, where, why = cast("list[tuple[str, str, str]]", error.args[0])[0]
        why = why.partition("] ")[2].partition(": ")[0] or why
    if where is None and error.errno not in _NO_ROOM:
        return None
    said = f"{why}." if where is None else f"{where}: {why}."
    return TrimtabError(said, fix="Name a place that is there, is yours, and has room.", code="file_unusable")


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What a write says without naming the file."""


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
url_option = click.option("--url", envvar="TRIMTAB_URL", default=None, help="The server. [env: TRIMTAB_URL]")
project_option = click.option(
    "--project", "-p", envvar="TRIMTAB_PROJECT", default="default", show_default=True, help="The project's slug."
)


expect_option = click.option(
    "--expect",
    type=click.IntRange(min=0),
    default=None,
    help="The revision it was read at (--json shows it): refused where somebody changed it since; 0: it is to be new.",
)
"""Of commands that replace a thing whole."""


SEEN_ABOUT = "The revision it was seen at (--json shows it): it stays where somebody changed it since."
seen_option = click.option("--expect", type=click.IntRange(min=1), default=None, help=SEEN_ABOUT)
"""Of commands that remove a thing, or put it away."""
seen_version_option = click.option(
    "--expect",
    type=click.IntRange(min=1),
    default=None,
    help="Its newest version as it was seen: it stays as it is where somebody added another.",
)
"""Of commands that put a thing away whose versions never change."""


def api_command(function: Callable[P, R]) -> Callable[P, R]:
    """For a command that talks to the server: ``--url`` and ``--json``, a `Client` as ``client``, and errors told."""

    @url_option
    @json_option
    @functools.wraps(function)
    def run(*args: Any, url: str | None, as_json: bool, **options: Any) -> R:
        with told(as_json=as_json), Client(url, None if has_key() else saved_sessions.token(server_url(url))) as client:
            if not has_key() and saved_sessions.token(client.url) is None:
                raise Unauthenticated(
                    "No key is set for the server.",
                    fix="Set TRIMTAB_ADMIN_KEY (or TRIMTAB_API_KEY), which the first start of `trimtab up` prints; or "
                    "sign in: trimtab login",
                )
            with terminal.guarded(), files_told(as_json=as_json):
                return function(*args, client=client, as_json=as_json, **options)  # type: ignore[call-arg]  # pyright: ignore

    return run  # type: ignore[return-value]  # pyright: ignore


def has_key() -> bool:
    return bool(os.environ.get("TRIMTAB_ADMIN_KEY") or os.environ.get("TRIMTAB_API_KEY"))


def print_json(value: object) -> None:
    """One JSON value, indented where a person reads it."""
    text = msgspec.json.encode(value)
    click.echo((msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table for people: as wide as the terminal, or as its content where there is none. ``empty`` teaches what to do
    when there are no rows."""
    from rich.console import Console
    from rich.table import Table

    lines = [[_cell(value) for value in row] for row in rows]
    if not lines:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        numeric = all(_is_number(row[number]) for row in lines)
        table.add_column(column, justify="right" if numeric else "left", overflow="ellipsis")
    for row in lines:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 250
    Console(file=terminal.plain(sys.stdout), width=width, soft_wrap=False, markup=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        value = ", ".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return terminal.visible(str(value))


def _is_number(text: str) -> bool:
    return text == "-" or bool(re.fullmatch(r"[$]?[\d.,]+( ?(ms|s))?", text))


def teller(*, as_json: bool) -> Callable[[str], None]:
    """What tells a person each step of something long; nobody where JSON was asked for."""

    def tell(step: str) -> None:
        if not as_json:
            click.echo(f"  {step}")

    return tell


def local_time(ms: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1000))


def money(amount: str | None) -> str | None:
    return None if amount is None else f"${amount}"


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Span(click.ParamType[int]):
    """A length of time such as ``30m``, ``24h`` or ``7d``; its value is milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,6})([smhdw])", str(value))
        if match is None:
            self.fail(f"{value!r} is not a length of time; write for example 30m, 24h or 7d.", param, ctx)
        return int(match[1]) * _UNITS[match[2]] * 1000


def old_name(group: click.Group, old: str, command: click.Command) -> None:
    """A command goes on under the name that it had, which no help shows, and says what it is called now."""

    def said(ctx: click.Context, /, **given: Any) -> Any:
        path = ctx.command_path.rpartition(" ")[0]
        click.echo(f"'{path} {old}' is called '{path} {command.name}' now; the old name goes with 1.0.", err=True)
        return ctx.invoke(command, **given)

    about = f"The old name of `{command.name}`."
    group.add_command(
        click.Command(old, params=command.params, callback=click.pass_context(said), help=about, hidden=True)
    )
