"""Helpers beside the tests of this room can be imported by their plain names; and servers on free ports."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE_S

sys.path.insert(0, str(Path(__file__).parent))

Serve = Callable[[Any], str]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Serve an ASGI app over a real uvicorn on a free loopback port; gives its base URL."""
    import uvicorn

    from trimtab.server.up import listen

    running: list[tuple[Any, threading.Thread]] = []

    def start(app: Any) -> str:
        listening = listen("127.0.0.1", 0)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not server.started:
            assert thread.is_alive(), "the server ended before it had started"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.005)
        running.append((server, thread))
        host, port = listening.getsockname()[:2]
        return f"http://{host}:{port}"

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(PATIENCE_S)
