"""Scorers of a team's own: ``FILE.py:FUNCTION``, a function in a Python file of theirs.

    def polite(output): return "please" in output.lower()
    async def close(sample, options): return {"value": 0.7, "explanation": "one name is wrong"}

The function takes what it names: ``sample`` (a `Sample`), ``options`` (a dict), ``tools`` (a `Tools`), or fields of the
sample by their names. It gives True or False, a number within 0 and 1, a label, a dict of `Scored`'s fields, a `Scored`
or `CannotScore`, or None: it cannot score. The file runs with all the rights of whoever loads it: only where the
folder is (command line, pytest), never in the server.
"""

import asyncio
import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

BOUND_S: Final = 60.0
"""Seconds that one judgement may take."""
_FIELDS: Final = frozenset(Sample.__struct_fields__)
_GIVEN: Final = frozenset(("sample", "options", "tools"))


class Custom(Struct, frozen=True, kw_only=True):
    """A function as a `Scorer`. ``version`` is a hash of its file: the same name may judge otherwise after an edit."""

    name: str
    version: str
    about: str
    function: Callable[..., Any]
    takes: tuple[str, ...]
    bound_s: float = BOUND_S
    kind: Kind = "share"
    better: Better | None = "higher"
    source: Source = "code"
    needs: tuple[str, ...] = ()
    options: Any = dict[str, Any]
    """Any JSON object: it is given to the function as it is."""

    async def score(self, sample: Sample, options: Any, tools: Tools) -> Verdict:
        given: dict[str, Any] = {"sample": sample, "options": dict(options or {}), "tools": tools}
        arguments = {name: given[name] if name in given else getattr(sample, name) for name in self.takes}
        if sample.error and sample.output is None:
            return CannotScore(reason=f"The call failed: {sample.error}")
        try:
            said = await asyncio.wait_for(self._called(arguments), self.bound_s)
        except TimeoutError:
            return CannotScore(reason=f"{self.name} did not end within {self.bound_s:g} s.")
        except Exception as error:  # noqa: BLE001 - a stranger's function may fail in any way
            return CannotScore(reason=f"{self.name} raised {type(error).__name__}: {error}"[:1000] + _line(error))
        return verdict_of(said, self.name)

    async def _called(self, arguments: dict[str, Any]) -> Any:
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**arguments)
        return await _in_thread(self.function, arguments)


async def _in_thread(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """In a thread of its own, which is left behind where it does not end: Python cannot stop it, and as a daemon it
    keeps no process alive."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            settle(value)

    def run() -> None:
        try:
            value, settle = function(**arguments), done.set_result
        except BaseException as error:  # noqa: BLE001 - carried to whoever waits
            value, settle = error, done.set_exception
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, settle, value)

    threading.Thread(target=run, daemon=True, name="custom-scorer").start()
    said = await done
    return await said if inspect.isawaitable(said) else said


def verdict_of(said: Any, name: str) -> Verdict:
    """What a function gave, as a verdict."""
    if said is None:
        return CannotScore(reason=f"{name} gave None: it cannot score this.")
    if isinstance(said, Scored | CannotScore):
        return said
    if isinstance(said, str):
        return Scored(label=said) if said else CannotScore(reason=f"{name} gave an empty label.")
    if isinstance(said, dict):
        try:
            return msgspec.convert(_numbers(cast("dict[str, Any]", said)), _Dict).scored()
        except (msgspec.ValidationError, TypeError) as error:
            return CannotScore(reason=f"{name} gave a dict that is no verdict: {error}")
    number = _number(said)
    if number is None:
        return CannotScore(reason=f"{name} gave {type(said).__name__}: give a bool, a number, a text, a dict or None.")
    return Scored(value=number)


class _Dict(Struct, forbid_unknown_fields=True):
    value: float | None = None
    label: str = ""
    explanation: str = ""
    detail: Any = None

    def scored(self) -> Scored:
        return Scored(value=self.value, label=self.label, explanation=self.explanation, detail=self.detail)


def _numbers(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "value": _number(said["value"])} if said.get("value") is not None else said


def _number(said: Any) -> float | None:
    """Of numpy's numbers and truths, too. None for what is none."""
    if isinstance(said, str | bytes):
        return None
    try:
        return float(said)
    except (TypeError, ValueError, OverflowError):
        return None


def load(reference: str, folder: Path | None = None) -> Custom:
    """The scorer ``FILE.py:FUNCTION``; a relative file is looked for in ``folder`` (the working directory). Raises
    `NotFound`, or `InvalidRequest` for a file that cannot be run or a function that asks for what no sample has."""
    file, _, name = reference.rpartition(":")
    path = ((folder or Path.cwd()) / file).resolve()
    if not file.endswith(".py") or not name.isidentifier():
        raise InvalidRequest(f"{reference!r} names no scorer.", fix="Write FILE.py:FUNCTION.", param="scorer")
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", fix="Give the file's place relative to where you are.")
    content = path.read_bytes()
    version = blake2b(content, digest_size=6).hexdigest()
    module = _module(path, content, version)
    function = getattr(module, name, None)
    if not callable(function):
        there = sorted(key for key, value in vars(module).items() if inspect.isfunction(value) and key[0] != "_")
        fix = f"It has: {', '.join(there) or 'no function'}."
        raise NotFound(f"{path.name} has no function {name!r}.", fix=fix)
    about = (inspect.getdoc(function) or "A function of your own.").partition("\n")[0]
    return Custom(name=reference, version=version, about=about, function=function, takes=_takes(function, reference))


def _module(path: Path, content: bytes, version: str) -> ModuleType:
    """The file, run as a module of a name of its own: the same content once, an edited file anew."""
    mark = blake2b(str(path).encode(), digest_size=6).hexdigest()
    name = f"_trimtab_scorer_{path.stem}_{mark}_{version}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(path))
    module = importlib.util.module_from_spec(cast("Any", spec))
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and the like look their module up
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102 - that is what was asked for
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        raise InvalidRequest(
            f"{path.name} cannot be run: {type(error).__name__}: {error}{_line(error)}",
            fix="Mend the file; it is run from top to bottom, once.",
            param="scorer",
        ) from error
    return module


def _takes(function: Callable[..., Any], reference: str) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{reference} does not say what it takes.", fix="Give a plain function.") from error
    taken: list[str] = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        known = parameter.name in _GIVEN or parameter.name in _FIELDS
        if known and parameter.kind != parameter.POSITIONAL_ONLY:
            taken.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise InvalidRequest(
                f"{reference} takes {parameter.name!r}, which no sample has.",
                fix=f"It may take: {', '.join(sorted(_GIVEN | _FIELDS))}.",
                param="scorer",
            )
    return tuple(taken)


def _line(error: BaseException) -> str:
    """Where in the stranger's file it happened."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if "_trimtab_scorer_" in str(trace.tb_frame.f_globals.get("__name__")):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""
