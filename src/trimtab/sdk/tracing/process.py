"""The tracing of this process: made by `configure`, or from the environment with the first traced call.

A process has one, as OpenTelemetry has one provider of tracers; `PROCESS` holds it, and is the only thing of this
package that changes. An OpenTelemetry provider that the application has set up already is joined: its spans go to
Trimtab too.
"""

import _thread
import atexit
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.sdk.connection import Connection, path, said, server_url
from trimtab.sdk.tracing.capture import MAX_CHARS, Capture, Mask
from trimtab.sdk.types import Me

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from trimtab.sdk.tracing.live import Tracing

logger = logging.getLogger("trimtab.sdk")
EXIT_S = 5.0
SIGTERM_S = 5.0
ROOM = 4096
_OFF = ("0", "off", "false", "no")
_RESOURCE: Final[dict[str, Literal["service", "environment", "release"]]] = {
    "service.name": "service",
    "deployment.environment.name": "environment",
    "service.version": "release",
}


class MissingPackage(InvalidRequest):
    """A part of the SDK that needs more packages than the client."""

    code = "package_missing"


class Process:
    """``tracing`` is what traced calls ask for: None while tracing is off."""

    def __init__(self) -> None:
        self._tracing: Tracing | None = None
        self._decided = False
        self._lock = threading.Lock()

    def current(self) -> "Tracing | None":
        return self._tracing if self._decided else self._decide()

    def put(self, tracing: "Tracing | None") -> "Tracing | None":
        """Set what is in force; returns what was."""
        with self._lock:
            before, self._tracing, self._decided = self._tracing, tracing, True
        return before

    def _decide(self) -> "Tracing | None":
        """The first traced call of a process that configured nothing: by the environment, or off, and told once."""
        with self._lock:
            if not self._decided:
                self._tracing = _from_environment()
                self._decided = True
        return self._tracing


PROCESS = Process()


def _from_environment() -> "Tracing | None":
    if os.environ.get("TRIMTAB_TRACING", "").lower() in _OFF:
        return None
    if not (os.environ.get("TRIMTAB_API_KEY") or os.environ.get("TRIMTAB_ADMIN_KEY")):
        logger.info("trimtab: nothing is traced, because TRIMTAB_API_KEY is not set")
        return None
    try:
        tracing = make()
    except TrimtabError as error:
        logger.warning("trimtab: nothing is traced: %s", error.sentence())
        return None
    on_sigterm(tracing)
    return tracing


def make(
    *,
    url: str | None = None,
    api_key: str | None = None,
    project: str | None = None,
    sample: float | None = None,
    capture: Capture | None = None,
    resource: Mapping[str, str] | None = None,
    exporter: "SpanExporter | None" = None,
    room: int = ROOM,
) -> "Tracing":
    """A tracing that is not in force yet. ``exporter`` gets the spans instead of the server (for tests)."""
    try:
        from trimtab.sdk.tracing.live import Tracing
        from trimtab.sdk.tracing.provider import new_provider
        from trimtab.sdk.tracing.sending import Sender
    except ImportError as error:
        raise MissingPackage(
            f"Tracing needs OpenTelemetry's SDK ({error}).", fix="Install it with: pip install 'trimtab[trace]'"
        ) from error
    address = server_url(url)
    key = api_key or said(os.environ, "TRIMTAB_API_KEY", "TRIMTAB_ADMIN_KEY")
    if not key and exporter is None:
        raise InvalidRequest("No key was given.", fix="Set TRIMTAB_API_KEY, or give api_key=...", param="api_key")
    wanted = project or os.environ.get("TRIMTAB_PROJECT", "")
    posting = _Posting(address, key, wanted)
    sender = Sender(_exporters(address, key, wanted, exporter), posting.post, room=room)
    ratio = _ratio(os.environ.get("TRIMTAB_TRACE_SAMPLE", "1") if sample is None else sample)
    provider = new_provider(ratio, resource or {})
    provider.add_span_processor(sender)
    tracing = Tracing(provider, sender, capture or Capture(), parent=dict(os.environ))
    atexit.register(tracing.close, EXIT_S)
    return tracing


def _exporters(url: str, key: str, project: str, given: "SpanExporter | None") -> "Callable[[], SpanExporter]":
    if given is not None:
        return lambda: given

    def new() -> "SpanExporter":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        headers = {"authorization": f"Bearer {key}"}
        if project:
            headers["trimtab-project"] = project
        return OTLPSpanExporter(endpoint=f"{url}/v1/traces", headers=headers, timeout=10)

    return new


def _ratio(given: float | str) -> float:
    try:
        ratio = float(given)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise InvalidRequest(
            f"{given!r} is not a share of traces.", fix="Give a number from 0 (none) to 1 (all).", param="sample"
        )
    return ratio


class _Posting:
    """Writes scores, to the project the key belongs to unless told otherwise."""

    def __init__(self, url: str, key: str, project: str) -> None:
        self._url, self._key, self._project = url, key, project
        self._http: Connection | None = None
        self._pid = 0

    def post(self, scores: list[dict[str, Any]]) -> None:
        if self._http is None or self._pid != os.getpid():  # a forked child shares no connection with its parent
            self._http, self._pid = Connection(self._url, self._key, 10.0), os.getpid()
        if not self._project:
            seen = self._http.ask("GET", path("me"), Me).projects
            self._project = seen[0] if len(seen) == 1 else "default"
        self._http.ask("POST", path("projects", self._project, "scores"), dict[str, Any], body=scores)


def on_sigterm(tracing: "Tracing") -> None:
    """Send what is there when the process is asked to end, and then end as it would have. Only where nobody else
    handles the signal, and in the main thread, where handlers are set."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def ending(number: int, frame: object) -> None:
        del frame
        # In a thread, because what this one was just doing may hold a lock that sending needs; and not in one of
        # `threading`, whose own lock this one may hold as well.
        sending = _thread.allocate_lock()
        sending.acquire()

        def send() -> None:
            try:
                tracing.close(SIGTERM_S)
            finally:
                sending.release()

        _thread.start_new_thread(send, ())
        sending.acquire(timeout=SIGTERM_S + 0.5)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, ending)


class Options(TypedDict, total=False):
    """What `configure` takes, all of it by name."""

    url: str | None
    api_key: str | None
    project: str | None
    service: str
    environment: str
    release: str
    sample: float | None
    mask: Mask | None
    max_chars: int
    exporter: "SpanExporter | None"
    room: int


def configure(**options: Unpack[Options]) -> "Tracing":
    """Set up the tracing of this process; the one before is closed. What is not given comes from the environment:
    ``TRIMTAB_URL``, ``TRIMTAB_API_KEY``, ``TRIMTAB_PROJECT``, ``TRIMTAB_TRACE_SAMPLE``.

    ``service``, ``environment`` and ``release`` say what this process is. ``sample`` is the share of traces that is
    kept, 0 to 1. ``mask(name, value)`` sees each argument and result before it is kept, ``max_chars`` bounds what is
    kept of one side of a call. ``room`` bounds how many spans wait. ``exporter`` gets the spans instead of the server.
    Raises `InvalidRequest`, `MissingPackage`.
    """
    tracing = make(
        url=options.get("url"),
        api_key=options.get("api_key"),
        project=options.get("project"),
        sample=options.get("sample"),
        capture=Capture(options.get("mask"), options.get("max_chars", MAX_CHARS)),
        resource={name: text for name, option in _RESOURCE.items() if (text := options.get(option))},
        exporter=options.get("exporter"),
        room=options.get("room", ROOM),
    )
    before = PROCESS.put(tracing)
    if before is not None:
        before.close(EXIT_S)
    on_sigterm(tracing)
    return tracing
