"""What the server says while it runs: one line per event on standard error, JSON unless a person is watching."""

import json
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TextIO

from msgspec import Struct

SHOWN = 3
WINDOW_S = 60.0
REMEMBERED = 1024
"""Lines that are known to have been said of late."""
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """``{"at", "level", "logger", "message", …}``. JSON itself escapes what comes from outside: nobody forges a line
    by a newline in a value."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "at": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in record.__dict__.items() if key not in STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """For a terminal: time, level, message; control characters of foreign values are made visible."""

    def format(self, record: logging.LogRecord) -> str:
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in record.getMessage())
        more = f" (and {record.__dict__['repeated']} times more)" if "repeated" in record.__dict__ else ""
        line = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {record.levelname.lower():7} {text}{more}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class Said(Struct):
    """How often a line was said since ``since`` (steady seconds), and how often it was held back."""

    since: float
    times: int = 1
    held: int = 0


class Lines(logging.StreamHandler[TextIO]):
    """Writes each line, but of the same one, word for word, only `SHOWN` in `WINDOW_S`: what waits for a database that
    is away says so every few seconds. Those held back are counted in ``repeated`` of one more line once the time is
    over. A line with a trace, or with more than its words, is always written."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._now = now
        self._said: OrderedDict[tuple[str, int, str], Said] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        now = self._now()
        for late in self._over(now):
            super().emit(late)
        if not self._is_repeated(record, now):
            super().emit(record)

    def _is_repeated(self, record: logging.LogRecord, now: float) -> bool:
        if record.exc_info or not STANDARD.issuperset(record.__dict__):
            return False
        try:
            key = (record.name, record.levelno, record.getMessage())
        except (TypeError, ValueError):  # its arguments do not fit its words: whoever writes it says so
            return False
        said = self._said.get(key)
        if said is None:
            self._said[key] = Said(now)
            return False
        said.times += 1
        if said.times > SHOWN:
            said.held += 1
            return True
        return False

    def _over(self, now: float) -> list[logging.LogRecord]:
        """What is to be told of lines whose time is over, or that are too many to remember; they may be said anew."""
        told: list[logging.LogRecord] = []
        while self._said:
            key, said = next(iter(self._said.items()))  # the one that was said first
            if now - said.since < WINDOW_S and len(self._said) < REMEMBERED:
                break
            del self._said[key]
            if said.held:
                late = logging.LogRecord(*key[:2], pathname="", lineno=0, msg=key[2], args=None, exc_info=None)
                late.repeated = said.held
                told.append(late)
        return told


def configure_logging(level: str) -> None:
    """Set up the root logger of this process. Quiet libraries stay quiet below warnings."""
    handler = Lines(sys.stderr)
    handler.setFormatter(PlainLines() if sys.stderr.isatty() else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "uvicorn", "uvicorn.error", "alembic", "sqlalchemy", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
