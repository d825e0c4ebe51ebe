"""The embedder's process: ``python -m trimtab.llm.embedder_process --socket PATH``.

A server has one, however many workers it has: loaded, the model takes some 100 MB that no process shares with another,
and cutting a text into words is Python, which would keep a worker's event loop waiting. The first text that is to be
embedded starts it (`server/shared_embedder.py`), and it dies with its parent.

It says one line of JSON on standard output, ``{"url": PATH}`` once it answers or ``{"error": ..., "fix": ..., "code":
...}`` when it cannot (exit code 1), and then nothing more. A connection is a row of questions, answered in their order
by a thread of its own. A question is four bytes with the length of a text (little-endian) and the text as UTF-8; an
answer is `ANSWER` bytes, a 1 where all of the text is in the vector or a 0, and 384 float32 as this machine has them.
"""

import argparse
import logging
import os
import socket
import threading
from pathlib import Path
from typing import IO

import msgspec

from trimtab.core.errors import Unavailable
from trimtab.core.logs import configure_logging
from trimtab.core.parent import die_with_parent
from trimtab.core.private_socket import listen
from trimtab.llm.embedder import DIMENSION, MAX_CHARACTERS, Model

logger = logging.getLogger("trimtab.llm.embedder_process")
LENGTH = 4
ANSWER = 1 + 4 * DIMENSION
LONGEST = 4 * (MAX_CHARACTERS + 1)
"""Bytes of a text. Of a longer one no more is asked: one character beyond what is read tells that it is not whole."""


def question(text: str) -> bytes:
    """What asks for the vector of a text. Halves of characters, which JSON can hold, count as they do in process."""
    body = text[: MAX_CHARACTERS + 1].encode("utf-8", "surrogatepass")
    return len(body).to_bytes(LENGTH, "little") + body


def answer(model: Model, connection: socket.socket) -> None:
    """Answer one worker until it leaves. What breaks here ends its connection: it asks again, and is told so then."""
    with connection, connection.makefile("rb") as asked:
        while (text := _next(asked)) is not None:
            vector, whole = model.run(text)
            connection.sendall(bytes((whole,)) + vector.tobytes())


def _next(asked: IO[bytes]) -> str | None:
    head = asked.read(LENGTH)
    if len(head) < LENGTH:
        return None
    length = int.from_bytes(head, "little")
    if length > LONGEST:
        raise ValueError(f"a text of {length} bytes, of at most {LONGEST}")
    body = asked.read(length)
    return body.decode("utf-8", "surrogatepass") if len(body) == length else None


def _serve(model: Model, connection: socket.socket) -> None:
    try:
        answer(model, connection)
    except ConnectionError:
        return
    except Exception:  # the thread's edge
        logger.exception("a text could not be embedded")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or the parent's end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trimtab.llm.embedder_process", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the unix socket to answer on")
    options = parser.parse_args(argv)
    die_with_parent()
    configure_logging(os.environ.get("TRIMTAB_LOG_LEVEL", "info"))
    try:
        model = Model()
    except Unavailable as error:
        _tell({"error": error.message, "fix": error.fix, "code": error.code})
        return 1
    listener = listen(options.socket)
    _tell({"url": str(options.socket)})
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(model, connection), daemon=True).start()


def _tell(said: dict[str, str]) -> None:
    os.write(1, msgspec.json.encode(said) + b"\n")


if __name__ == "__main__":
    raise SystemExit(main())
