"""`with span(...)`, labels, scores, and how a trace gets across threads, tasks, processes and HTTP."""

import contextvars
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, TypedDict, TypeVar, Unpack

from trimtab.core.errors import InvalidRequest
from trimtab.core.ids import new_id
from trimtab.sdk.tracing import wire
from trimtab.sdk.tracing.process import PROCESS

if TYPE_CHECKING:
    from trimtab.sdk.tracing.live import CurrentTrace, LiveSpan, Tracing
    from trimtab.sdk.tracing.sending import Stats

P = ParamSpec("P")
R = TypeVar("R")


class NoSpan:
    """What `span` gives while tracing is off: it takes everything and keeps nothing."""

    recording = False
    trace_id = ""
    span_id = ""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in ("input", "output", "set", "model", "usage", "event", "failed"):
            raise AttributeError(name)
        return _nothing


def _nothing(*args: Any, **kwargs: Any) -> None:
    del args, kwargs


@contextmanager
def span(
    name: str,
    *,
    kind: str = "span",
    input: Any = None,  # noqa: A002  the word people look for
    session: str = "",
    user: str = "",
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> "Generator[LiveSpan]":
    """A span around a block; ``kind`` as of `trace`. An error that leaves the block is told and goes on. ``session``,
    ``user``, ``tags`` and ``metadata`` are those of the spans below it too. Raises `InvalidRequest` for a kind there is
    not."""
    tracing = PROCESS.current()
    if tracing is None:
        yield NoSpan()  # type: ignore[misc]  # pyright: ignore[reportReturnType]
        return
    from trimtab.sdk.tracing.live import form, labels_of

    labels = None
    if session or user or tags or metadata:
        labels = labels_of().joined(session, user, tags, metadata or {})
    live, below = tracing.begin(form(name, kind), labels)
    if input is not None:
        live.input(input)
    token = tracing.enter(below)
    try:
        yield live
    except BaseException as error:
        live.failed(error)
        raise
    finally:
        tracing.leave(token)
        live.end()


@contextmanager
def labelled(
    *, session: str = "", user: str = "", tags: Iterable[str] = (), metadata: Mapping[str, Any] | None = None
) -> Generator[None]:
    """Spans that begin within carry these; those given before stay unless given anew, tags and metadata add up."""
    tracing = PROCESS.current()
    if tracing is None:
        yield
        return
    from trimtab.sdk.tracing.live import labels_of, with_labels

    token = tracing.enter(with_labels(labels_of().joined(session, user, tags, metadata or {})))
    try:
        yield
    finally:
        tracing.leave(token)


def current_trace() -> "CurrentTrace | None":
    """The innermost open span's ids, and its ``traceparent``; None outside of any, or while tracing is off."""
    if PROCESS.current() is None:
        return None
    from trimtab.sdk.tracing.live import current_trace as found

    return found()


class ScoreOptions(TypedDict, total=False):
    """What `score` takes besides; ids name another trace, span or session than the current one. ``human`` is for keys
    of people: from an application's it stands as ``user``."""

    label: str
    explanation: str
    source: Literal["human", "user", "code", "llm", "detector", "guard"]
    target: Literal["span", "trace", "session"]
    trace_id: str
    span_id: str
    session: str
    author: str
    evaluator: str


def score(name: str, value: float | bool | None = None, **more: Unpack[ScoreOptions]) -> str:
    """Score the current trace (or span, or session), or the one that is named: ``label``, ``explanation``, ``source``
    (``code``), ``target`` (``trace``), ``trace_id``, ``span_id``, ``session``, ``author``, ``evaluator``.

    It is sent beside the spans, and once even if it has to be sent again; returns its id ("" while tracing is off).
    Raises `InvalidRequest` where there is neither a current trace nor one named, or nothing said.
    """
    tracing = PROCESS.current()
    if tracing is None:
        return ""
    if value is None and not more.get("label"):
        raise InvalidRequest("A score needs a value or a label.", fix="Give a number, or label=...", param="value")
    target = more.get("target", "trace")
    body: dict[str, Any] = {"id": new_id("score"), "name": name, "source": more.get("source", "code"), "target": target}
    said = {key: str(text) for key, text in more.items() if key not in ("source", "target", *_WHICH)}
    which = _target(target, {key: str(more.get(key, "")) for key in _WHICH})
    body |= {key: text for key, text in {**which, **said}.items() if text}
    tracing.score(body if value is None else {**body, "value": value})
    return body["id"]


_WHICH: Final = ("trace_id", "span_id", "session")


def _target(target: str, given: dict[str, str]) -> dict[str, str]:
    from trimtab.sdk.tracing.live import labels_of

    here = current_trace()
    session = given["session"] or labels_of().session
    trace_id = given["trace_id"] or (here.trace_id if here else "")
    span_id = given["span_id"] or (here.span_id if here and trace_id == here.trace_id else "")
    if target == "session":
        if not session:
            raise InvalidRequest("There is no session here to score.", fix="Give session=...", param="session")
        return {"session": session}
    if not trace_id or (target == "span" and not span_id):
        raise InvalidRequest(
            f"There is no {target} here to score.", fix=f"Score within one, or give {target}_id=...", param="target"
        )
    return {"trace_id": trace_id, "span_id": span_id if target == "span" else "", "session": session}


# --- across threads, processes and HTTP ---


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """The function, to be run elsewhere in the context of here: ``pool.submit(carry(work), item)``. It may run any
    number of times, also at once."""
    here = contextvars.copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return here.copy().run(function, *args, **kwargs)

    return run


def trace_headers() -> dict[str, str]:
    """``traceparent`` and ``baggage`` (session, user, tags) of the current span, for a service of yours; empty outside
    of any."""
    here = current_trace()
    if here is None:
        return {}
    from trimtab.sdk.tracing.live import labels_of

    labels = labels_of()
    told = wire.baggage({"session": labels.session, "user": labels.user, "tags": ",".join(labels.tags)})
    return {"traceparent": here.traceparent, **({"baggage": told} if told else {})}


def trace_env() -> dict[str, str]:
    """The same for the environment of a process you start; its first spans are then below the current one."""
    return {name.upper(): value for name, value in trace_headers().items()}


@contextmanager
def joined(carrier: Mapping[str, str]) -> Generator[None]:
    """Spans that begin within belong to the trace that ``carrier`` speaks of: the headers of a request, or what
    `trace_headers` gave elsewhere. Headers that speak of none change nothing."""
    tracing = PROCESS.current()
    context = None
    if tracing is not None:
        from trimtab.sdk.tracing.live import context_of

        context = context_of(carrier)
    if tracing is None or context is None:
        yield
        return
    token = tracing.enter(context)
    try:
        yield
    finally:
        tracing.leave(token)


def gateway_headers() -> dict[str, str]:
    """What a call through Trimtab's gateway says of the current trace: its row then joins it, with session, user and
    tags. Values that no header can carry are left out."""
    here = current_trace()
    if here is None:
        return {}
    from trimtab.sdk.tracing.live import labels_of

    labels = labels_of()
    told = {"session": labels.session, "user": labels.user, "tags": ",".join(labels.tags)}
    found = {f"trimtab-{name}": value for name, value in told.items() if value.isascii() and value.isprintable()}
    return {"traceparent": here.traceparent, **{name: value for name, value in found.items() if value}}


def _stamp(request: Any) -> None:
    for name, value in gateway_headers().items():
        request.headers.setdefault(name, value)


async def _stamp_async(request: Any) -> None:
    _stamp(request)


def http_client(library: str | None = None, **options: Any) -> Any:
    """For the official clients: ``OpenAI(**openai_options(), http_client=http_client())``. Each call says which trace
    it belongs to. ``options`` are those of the ``library``, ``httpx2`` where it is installed (newer official clients
    are built on it), else ``httpx``."""
    given: dict[str, Any] = {"follow_redirects": True, "event_hooks": {"request": [_stamp]}, **options}
    return _http(library).Client(**given)


def async_http_client(library: str | None = None, **options: Any) -> Any:
    """The same for ``AsyncOpenAI`` and ``AsyncAnthropic``."""
    given: dict[str, Any] = {"follow_redirects": True, "event_hooks": {"request": [_stamp_async]}, **options}
    return _http(library).AsyncClient(**given)


def _http(library: str | None) -> Any:
    from importlib import import_module, util

    return import_module(library or ("httpx2" if util.find_spec("httpx2") else "httpx"))


def flush(timeout_s: float = 10.0) -> bool:
    """Wait until what was traced and scored before is with the server; whether it is, in time."""
    tracing: Tracing | None = PROCESS.current()
    return True if tracing is None else tracing.flush(timeout_s)


def stats() -> "Stats | None":
    """What became of this process's spans and scores; None while tracing is off."""
    tracing = PROCESS.current()
    return None if tracing is None else tracing.stats()
