"""`@trace`: a span for each call of a function, whatever kind of function it is.

A generator's span is open from its first step to its end, and is the current one only while its own code runs: what the
consumer does between two steps is not below it.
"""

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload

from msgspec import Struct

from trimtab.sdk.tracing.process import PROCESS

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from trimtab.sdk.tracing.live import Form, LiveSpan, Tracing

F = TypeVar("F", bound=Callable[..., Any])
MAX_YIELDED: Final = 100
"""Of what a generator yields, so much is kept as its result."""


@overload
def trace(function: F) -> F: ...
@overload
def trace(
    *, name: str | None = None, kind: str = "span", input: bool = True, output: bool = True
) -> Callable[[F], F]: ...
def trace(
    function: F | None = None,
    *,
    name: str | None = None,
    kind: str = "span",
    input: bool = True,  # noqa: A002  the word people look for
    output: bool = True,
) -> F | Callable[[F], F]:
    """A span for each call: sync and async functions, generators and async generators.

    ``name`` is the function's own unless given; ``kind`` one of ``span``, ``llm``, ``embedding``, ``retriever``,
    ``reranker``, ``tool``, ``agent``, ``workflow``, ``guardrail``, ``evaluator``. ``input`` and ``output`` say whether
    arguments and result are kept. Raises `InvalidRequest` at the first call for a kind there is not. While tracing is
    off the function runs as it is.
    """
    if function is None:
        return lambda inner: _traced(inner, _Place(inner, name, kind, takes=input, gives=output))
    return _traced(function, _Place(function, name, kind, takes=input, gives=output))


class _Place:
    """One traced function: what is the same at every call."""

    __slots__ = ("_form", "_names", "gives", "kind", "name", "takes")

    def __init__(self, function: Any, name: str | None, kind: str, *, takes: bool, gives: bool) -> None:
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.kind = kind
        self.takes = takes
        self.gives = gives
        self._names = _parameters(function)
        self._form: Form | None = None

    def begin(self, tracing: "Tracing", args: tuple[Any, ...], kwargs: dict[str, Any]) -> "tuple[LiveSpan, Context]":
        if self._form is None:
            from trimtab.sdk.tracing.live import form

            self._form = form(self.name, self.kind)
        live, below = tracing.begin(self._form)
        if self.takes and live.recording:
            live.put_input(tracing.capture.arguments(self._names, args, kwargs))
        return live, below


def _parameters(function: Any) -> tuple[str, ...]:
    """Names of positional parameters; a method's ``self`` or ``cls`` has the name "", which is not kept."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ()
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    return ("", *names[1:]) if names and names[0] in ("self", "cls") else names


def _traced(function: F, place: _Place) -> F:
    import inspect  # where functions are decorated, and not where the SDK is imported

    made: Any
    if inspect.isasyncgenfunction(function):
        made = _async_generator(function, place)
    elif inspect.isgeneratorfunction(function):
        made = _generator(function, place)
    elif inspect.iscoroutinefunction(function):
        made = _coroutine(function, place)
    else:
        made = _plain(function, place)
    return cast("F", functools.update_wrapper(made, function))


def _plain(function: Callable[..., Any], place: _Place) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        tracing = PROCESS.current()
        if tracing is None:
            return function(*args, **kwargs)
        live, below = place.begin(tracing, args, kwargs)
        token = tracing.enter(below)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            live.failed(error)
            raise
        else:
            if place.gives:
                live.output(result)
            return result
        finally:
            tracing.leave(token)
            live.end()

    return call


def _coroutine(function: Callable[..., Any], place: _Place) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        tracing = PROCESS.current()
        if tracing is None:
            return await function(*args, **kwargs)
        live, below = place.begin(tracing, args, kwargs)
        token = tracing.enter(below)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            live.failed(error)
            raise
        else:
            if place.gives:
                live.output(result)
            return result
        finally:
            tracing.leave(token)
            live.end()

    return call


class _Yielded(Struct):
    """The first things a generator gave, and how many there were."""

    first: list[Any] = []
    count: int = 0

    def add(self, item: Any) -> None:
        if self.count < MAX_YIELDED:
            self.first.append(item)
        self.count += 1

    def close(self, live: "LiveSpan", place: _Place) -> None:
        live.set("trimtab.yielded", self.count)
        if place.gives:
            texts = [item for item in self.first if isinstance(item, str)]
            live.output("".join(texts) if len(texts) == len(self.first) and texts else self.first)


def _generator(function: Callable[..., Any], place: _Place) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        tracing = PROCESS.current()
        inner: Generator[Any, Any, Any] = function(*args, **kwargs)
        if tracing is None:
            return (yield from inner)
        live, below = place.begin(tracing, args, kwargs)
        seen = _Yielded()

        def step(move: Callable[[], Any]) -> Any:
            token = tracing.enter(below)
            try:
                return move()
            finally:
                tracing.leave(token)

        try:
            move: Callable[[], Any] = functools.partial(next, inner)
            while True:
                try:
                    item = step(move)
                except StopIteration as stop:
                    return stop.value
                seen.add(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    step(inner.close)
                    live.set("trimtab.stopped_early", True)
                    raise
                except BaseException as thrown:  # noqa: BLE001  given to the generator, whose business it is
                    move = functools.partial(inner.throw, thrown)
                else:
                    move = functools.partial(next, inner) if sent is None else functools.partial(inner.send, sent)
        except GeneratorExit:
            raise
        except BaseException as error:
            live.failed(error)
            raise
        finally:
            seen.close(live, place)
            live.end()

    return call


def _async_generator(function: Callable[..., Any], place: _Place) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        tracing = PROCESS.current()
        inner: AsyncGenerator[Any, Any] = function(*args, **kwargs)
        if tracing is None:
            live, below = None, None
        else:
            live, below = place.begin(tracing, args, kwargs)
        seen = _Yielded()

        async def step(move: Callable[[], Any]) -> Any:
            if tracing is None or below is None:
                return await move()
            token = tracing.enter(below)
            try:
                return await move()
            finally:
                tracing.leave(token)

        try:
            move: Callable[[], Any] = inner.__anext__
            while True:
                try:
                    item = await step(move)
                except StopAsyncIteration:
                    return
                seen.add(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    await step(inner.aclose)
                    if live is not None:
                        live.set("trimtab.stopped_early", True)
                    raise
                except BaseException as thrown:  # noqa: BLE001  given to the generator, whose business it is
                    move = functools.partial(inner.athrow, thrown)
                else:
                    move = functools.partial(inner.asend, sent)
        except GeneratorExit:
            raise
        except BaseException as error:
            if live is not None:
                live.failed(error)
            raise
        finally:
            if live is not None:
                seen.close(live, place)
                live.end()

    return call
