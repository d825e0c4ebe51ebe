"""What `scripts/compile.py` compiles is of the kind that comes out the same."""

import ast
import importlib.util
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("trimtab_compile", ROOT / "scripts" / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()
MODULES = tuple(f"trimtab.{name}" for name in SCRIPT.MODULES)
GENERATES = (ast.Yield, ast.YieldFrom)


def _classes(path: Path) -> Iterator[tuple[ast.ClassDef, list[str]]]:
    """Each class of a file and its bases, those that are imported by the name of their module as well."""
    tree = ast.parse(path.read_text())
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
            yield node, [imported.get(base, base) for base in bases]


def _path(module: str) -> Path:
    return SOURCES.joinpath(*module.split(".")).with_suffix(".py")


@pytest.mark.parametrize("module", MODULES)
def test_no_compiled_module_holds_a_class_that_comes_out_otherwise(module: str) -> None:
    """mypyc drops the keywords of a class, and a struct that it makes has no annotations that msgspec can read."""
    for node, bases in _classes(_path(module)):
        assert not node.keywords, f"{node.name}: put it into a module that stays interpreted"
        assert not [base for base in bases if base.startswith(("msgspec.", "asyncio."))], node.name


@pytest.mark.parametrize("module", MODULES)
def test_no_compiled_module_waits_while_it_handles_an_error(module: str) -> None:
    """What is being handled is the thread's, not a compiled coroutine's own: after a wait it is another call's error,
    or none, and a bare `raise` then ends the process. What is to be waited for comes after the handler."""
    assert _waits_in_handlers(_path(module).read_text()) == []


@pytest.mark.parametrize("module", MODULES)
def test_no_compiled_module_holds_a_generator(module: str) -> None:
    """Who takes from it may be handling an error, which it would take for its own."""
    found = [each for each in ast.walk(ast.parse(_path(module).read_text())) if isinstance(each, GENERATES)]
    assert [each.lineno for each in found] == []


def test_a_wait_in_a_handler_is_found_wherever_it_hides() -> None:
    source = """
async def path(call):
    try:
        await call()  # 4: as it should be
    except ValueError:
        if call:
            await call()  # 7
    else:
        await call()  # 9: nothing is being handled
    finally:
        async def inner():
            await call()  # 12: defined there, waits elsewhere
        await inner()  # 13
    try:
        pass
    except* OSError:
        await call()  # 17
    async with call():  # 18: its end waits, with whatever error there is
        pass
    async for each in call():  # 20: so does its end
        pass
    with call():
        await call()  # 23: as in a try
"""
    assert _waits_in_handlers(source) == [7, 13, 17, 18, 20]


def _waits_in_handlers(source: str) -> list[int]:
    """The lines of waits that a source does in an `except` or a `finally`, also those that Python does there itself."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncWith | ast.AsyncFor):
            found.add(node.lineno)
        elif isinstance(node, ast.Try | ast.TryStar):
            for handled in (*node.handlers, *node.finalbody):
                found |= _waits_of(handled)
    return sorted(found)


def _waits_of(node: ast.AST) -> set[int]:
    """Without those of functions that are only defined there."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return set()
    own = {node.lineno} if isinstance(node, ast.Await) else set[int]()
    return own.union(*(_waits_of(child) for child in ast.iter_child_nodes(node)))


@pytest.mark.parametrize("module", MODULES)
def test_no_compiled_module_declares_an_error(module: str) -> None:
    """The attributes of its class would be lost: an error's status and code."""
    assert [node.name for node, bases in _classes(_path(module)) if any(_is_error(base) for base in bases)] == []


def test_no_interpreted_class_inherits_from_a_compiled_one() -> None:
    """It would fail when it is loaded: a compiled class has no interpreted heirs."""
    found: list[str] = []
    for path in SOURCES.rglob("*.py"):
        module = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
        if module in MODULES:
            continue
        for node, bases in _classes(path):
            of = [base for base in bases if base.rpartition(".")[0] in MODULES]
            found += [f"{module}.{node.name}({base})" for base in of]
    assert found == []


def _is_error(base: str) -> bool:
    return base.startswith("trimtab.core.errors.") or base.endswith(("Error", "Exception"))


def test_what_is_compiled_is_never_beside_its_source() -> None:
    """A library that is older than the source beside it would be what runs."""
    assert [path for path in SOURCES.rglob("*") if path.suffix in (".so", ".pyd")] == []


def test_another_word_than_0_and_1_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, asked in (("", None), ("0", False), ("1", True)):
        monkeypatch.setenv("TRIMTAB_COMPILE", said)
        assert SCRIPT.asked() is asked
    monkeypatch.setenv("TRIMTAB_COMPILE", "yes")
    with pytest.raises(ValueError, match="set it to 1"):
        SCRIPT.asked()


def test_without_a_compiler_a_compiled_wheel_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CC", NO_COMPILER)
    with pytest.raises(SCRIPT.NoCompiler, match=r"\(no-such-compiler\).*apt-get install gcc"):
        SCRIPT.compile_all(ROOT, tmp_path)
    assert list(tmp_path.iterdir()) == []


NO_COMPILER = "no-such-compiler -O2"
HERE = (sys.implementation.name, sys.version_info[:2], sys.platform)


@pytest.mark.parametrize(
    ("said", "tested", "compiler", "tried"),
    [
        ("", HERE, "/bin/true", True),
        ("", HERE, NO_COMPILER, False),
        ("", ("cpython", (3, 9), "linux"), "/bin/true", False),
        ("0", HERE, "/bin/true", False),
        ("1", ("cpython", (3, 9), "linux"), NO_COMPILER, True),
    ],
)
def test_it_is_tried_where_it_is_tested_and_there_is_what_it_takes(
    said: str, tested: Any, compiler: str, tried: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(SCRIPT.sysconfig, "get_path", _always(str(tmp_path)))
    monkeypatch.setattr(SCRIPT, "TESTED", tested)
    monkeypatch.setenv("TRIMTAB_COMPILE", said)
    monkeypatch.setenv("CC", compiler)
    assert SCRIPT.to_be_tried() is tried


Config = TypeVar("Config")


class Native:
    """Stands in for `scripts/compile.py` and for what builds the console."""

    REQUIRES = ("a-compiler",)

    def __init__(self, asked: bool | None, tried: bool, fails: Exception | None = None) -> None:
        self._asked, self._tried, self._fails = asked, tried, fails

    def asked(self) -> bool | None:
        return self._asked

    def to_be_tried(self) -> bool:
        return self._tried

    def build(self) -> None:
        pass

    def compile_all(self, _: Path, out: Path) -> list[Path]:
        if self._fails is not None:
            raise self._fails
        return [out / "lib" / "trimtab" / "ids.so"]


class Interface(Generic[Config]):
    """Stands in for hatchling's."""


def _always(value: object) -> Any:
    def answer(*_: object) -> object:
        return value

    return answer


def built(native: Native, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[str], list[str]]:
    """What the hook makes of a build, what it warns of, and what it needs."""
    there = types.ModuleType("hatchling.builders.hooks.plugin.interface")
    vars(there)["BuildHookInterface"] = Interface
    monkeypatch.setitem(sys.modules, there.__name__, there)
    spec = importlib.util.spec_from_file_location("trimtab_hook", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_script", _always(native))
    hook, warned = module.ConsoleHook(), list[str]()
    hook.root, hook.target_name = str(ROOT), "wheel"
    hook.app = types.SimpleNamespace(display_warning=warned.append)
    hook.metadata = types.SimpleNamespace(core=types.SimpleNamespace(dependencies=["msgspec"]))
    data: dict[str, Any] = {"artifacts": [], "force_include": {}}
    hook.initialize("standard", data)
    hook.finalize("standard", data, "")
    return data, warned, hook.dependencies()


def test_a_wheel_is_compiled_where_nobody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    data, warned, needs = built(Native(None, tried=True), monkeypatch)
    assert list(data["force_include"].values()) == ["trimtab/ids.so"]
    assert (data["pure_python"], data["infer_tag"]) == (False, True)
    assert (warned, needs) == ([], ["a-compiler", "msgspec"])


def test_one_that_is_not_to_be_is_the_one_for_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    data, warned, needs = built(Native(False, tried=False), monkeypatch)
    assert data == {"artifacts": ["src/trimtab/server/static"], "force_include": {}}
    assert (warned, needs) == ([], [])


def test_where_compiling_fails_it_is_the_one_for_every_system_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed = subprocess.CalledProcessError(-9, "mypyc")
    data, warned, _ = built(Native(None, tried=True, fails=killed), monkeypatch)
    assert data == {"artifacts": ["src/trimtab/server/static"], "force_include": {}}
    assert "Not compiled" in warned[0]
    with pytest.raises(subprocess.CalledProcessError):
        built(Native(True, tried=True, fails=killed), monkeypatch)
