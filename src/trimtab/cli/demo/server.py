"""The demo's two servers: a Trimtab of its own in a child process, and a provider in this one that is always down."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from trimtab.core.errors import Unavailable
from trimtab.core.own_python import OWN_PYTHON
from trimtab.core.parent import signal_at_death_of_parent

READY_S = 120.0
STOP_S = 20.0
POLL_S = 0.05


class Running(Struct, frozen=True, kw_only=True):
    """A started server: where it is, its admin key, and how long it took to be ready, in seconds."""

    url: str
    admin_key: str
    pid: int
    ready_s: float

    def __repr__(self) -> str:
        return f"Running(url={self.url!r}, pid={self.pid})"


class _RunFile(Struct):
    url: str = ""


@contextlib.contextmanager
def trimtab_server(data_dir: Path, port: int) -> Generator[Running]:
    """`trimtab up` on ``data_dir`` for the length of the block; then stopped, with everything it started.

    Its log goes to ``demo-server.log`` in that folder. Raises `Unavailable` when it does not become ready.
    """
    key = f"tt_{secrets.token_urlsafe(32)}"
    log = data_dir / "demo-server.log"
    began = time.monotonic()
    with log.open("wb") as sink:
        child = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [*OWN_PYTHON, "-m", "trimtab.cli.main", "up", "--data-dir", str(data_dir), "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=_environment(key),
            start_new_session=True,  # Ctrl-C is ours to handle: it must not reach the server before its last records
            preexec_fn=signal_at_death_of_parent,
        )
    try:
        url = _wait_until_ready(child, data_dir, log)
        yield Running(url=url, admin_key=key, pid=child.pid, ready_s=time.monotonic() - began)
    finally:
        _stop(child)


def _environment(admin_key: str) -> dict[str, str]:
    """The child's: settings of the caller's own server must not reach the demo's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    return {**kept, "TRIMTAB_ADMIN_KEY": admin_key, "TRIMTAB_DRAIN_SECONDS": "5"}


def _wait_until_ready(child: "subprocess.Popen[bytes]", data_dir: Path, log: Path) -> str:
    import httpx

    from trimtab.core.no_tls import no_tls

    note = data_dir / "server.json"
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise _not_ready(f"it ended with exit code {child.returncode}", log)
        with contextlib.suppress(OSError, msgspec.DecodeError, httpx.TransportError):
            url = msgspec.json.decode(note.read_bytes(), type=_RunFile).url
            if url and httpx.get(f"{url}/readyz", trust_env=False, timeout=2, verify=no_tls()).status_code == 200:
                return url
        time.sleep(POLL_S)
    raise _not_ready(f"it was not ready within {READY_S:g} s", log)


def _not_ready(why: str, log: Path) -> Unavailable:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    return Unavailable(
        f"The demo's server did not start: {why}. The last it said:\n{tail}",
        fix="`trimtab doctor` may know why.",
        code="demo_server_failed",
    )


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Ask the server to stop; whatever of its process group is left after the grace is killed."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


@contextlib.contextmanager
def broken_provider() -> Generator[str]:
    """A simulated OpenAI on loopback that answers 503 to every call; yields its base URL."""
    import uvicorn

    from trimtab.llm.simulated import Scenario, SimulatedProviders

    app: Any = SimulatedProviders(Scenario(fault="503"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="broken-provider", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
