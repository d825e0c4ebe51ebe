"""Compile the modules of a call's path into C, for a wheel (docs/decisions/0019).

The wheel's build hook (`hatch_build.py`) comes here unless ``TRIMTAB_COMPILE`` is 0. Nothing is ever written beside
the sources: what is compiled stands in a wheel only, so that a checkout runs what one reads in it. Needs what is in
`REQUIRES`, a C compiler, and 1.2 GB of memory.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REQUIRES = ("mypy[mypyc]==2.4.1", "setuptools>=77")
TESTED = ("cpython", (3, 11), "linux")
"""With what CI builds and tests it: elsewhere it is compiled where somebody says so."""
PACKAGE = "trimtab"
GROUP = "trimtab_native"
"""One library holds them all, so that they call each other without asking Python; imported is a shim for each."""
MODULES = (
    "core.ids",
    "gateway.attempts",
    "gateway.call",
    "gateway.carries",
    "gateway.deadline",
    "gateway.delivery",
    "gateway.door",
    "gateway.endpoints",
    "gateway.hedge",
    "gateway.money.books",
    "gateway.money.noted",
    "gateway.money.settle",
    "gateway.money.spending",
    "gateway.opened",
    "gateway.pipeline",
    "gateway.reading",
    "gateway.routing.affinity",
    "gateway.routing.compile",
    "gateway.routing.strategies",
    "gateway.said",
    "gateway.staying_up.breaker",
    "gateway.staying_up.gate",
    "gateway.staying_up.health",
    "gateway.staying_up.live",
    "gateway.staying_up.resilience",
    "gateway.tried",
    "gateway.walk",
    "gateway.watch",
    "ledger.estimate",
    "ledger.plainly",
    "ledger.reserve",
    "ledger.unreserved",
    "llm.dialects.openai_chat.hot",
    "llm.dialects.openai_chat.plain",
    "llm.tiers",
    "llm.transport",
    "server.counted",
    "server.cycle",
    "server.incoming",
    "telemetry.spool.inflight",
    "telemetry.spool.segments",
    "telemetry.spool.spool",
)
"""Those of a call's path that the rules let in: none waits while it handles an error (what is handled is the thread's,
not a compiled coroutine's own), none has a generator, a class of an error (its attributes are lost), a msgspec struct
with keywords (mypyc drops them), or a class that inherits from an interpreted one or is inherited from by one. What is
otherwise is in modules beside them. `tests/shape/test_compiled.py` looks after them. What a call's structs are made of
stays interpreted: its attributes are found by `native/places.h`."""


def asked() -> bool | None:
    """Whether a compiled wheel is asked for; None: nobody has said. Raises `ValueError`."""
    said = os.environ.get("TRIMTAB_COMPILE", "")
    if said not in ("", "0", "1"):
        raise ValueError(f"TRIMTAB_COMPILE is {said!r}: set it to 1 for a compiled wheel, to 0 for one that is not")
    return None if said == "" else said == "1"


def to_be_tried() -> bool:
    """Whether a wheel that is built now is to be compiled. Where nobody has said it is, if it is tested on this system
    and with this Python, and there is what it takes."""
    said = asked()
    if said is not None:
        return said
    return (sys.implementation.name, sys.version_info[:2], sys.platform) == TESTED and lacks() == ""


class NoCompiler(Exception):
    """There is nothing to compile C with."""


def compile_all(root: Path, out: Path) -> list[Path]:
    """Compile into a folder; returns the libraries, each below ``lib`` at its place in a wheel. Raises `NoCompiler`."""
    if missing := lacks():
        raise NoCompiler(
            f"TRIMTAB_COMPILE=1 needs {missing}: install both (Debian: apt-get install gcc libc6-dev python3-dev), or "
            "leave the variable out for the wheel that runs everywhere"
        )
    out.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"MYPYPATH": str(root / "src")}
    subprocess.run(  # noqa: S603  this file
        [sys.executable, str(Path(__file__).resolve()), str(out)], cwd=root, env=environment, check=True
    )
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    made = sorted(path.relative_to(out) for path in (out / "lib").rglob(f"*{suffix}"))
    wanted = len(MODULES) + 1
    if len(made) != wanted:
        raise RuntimeError(f"mypyc made {len(made)} libraries, not {wanted}: see what it said above")
    return [out / path for path in made]


def lacks() -> str:
    """What there is to be installed first; empty where there is all that compiling takes."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    header = Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which(compiler) is None or not header.is_file():
        return f"a C compiler ({compiler}) and Python's headers ({header})"
    return ""


def main(out: Path, python: str = sys.executable) -> None:
    """In the folder of the project. The types of what it imports are those that ``python`` has."""
    from mypyc.build import mypycify
    from setuptools import setup
    from setuptools.command.build_ext import build_ext
    from setuptools.extension import Extension

    class Beside(build_ext):
        """As many files at a time as there are processors."""

        def build_extension(self, ext: Extension) -> None:
            def made(source: str) -> list[str]:
                return self.compiler.compile(
                    [source],
                    output_dir=self.build_temp,
                    include_dirs=ext.include_dirs,
                    extra_postargs=ext.extra_compile_args,
                )

            with ThreadPoolExecutor(
                len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            ) as pool:
                objects = [each for some in pool.map(made, ext.sources) for each in some]
            ext.sources, ext.extra_objects = [], [*ext.extra_objects, *objects]
            super().build_extension(ext)

    root = Path.cwd()
    config = out / "mypy.ini"
    config.write_text(f"[mypy]\npython_executable = {python}\n")
    options = [
        "--config-file",
        str(config),
        "--cache-dir",
        str(out / "cache"),
        "--follow-imports=silent",
        "--ignore-missing-imports",
        "--warn-unreachable",  # what mypy holds to be so is left out of the C
    ]
    options += ["--namespace-packages", "--explicit-package-bases"]
    sources = [f"src/{PACKAGE}/{name.replace('.', '/')}.py" for name in MODULES]
    extensions = mypycify(
        [*options, *sources],
        opt_level="2",
        debug_level="0",
        group_name=GROUP,
        target_dir=str(out / "c"),
        multi_file=True,
    )
    for extension in extensions:
        if extension.name == f"{GROUP}__mypyc" and sys.platform == "linux":
            places = root / "scripts" / "native" / "places.h"
            extension.extra_compile_args = [*extension.extra_compile_args, "-include", str(places)]
    with tempfile.TemporaryDirectory() as away:  # where there is no pyproject.toml that setuptools would read
        for extension in extensions:
            extension.sources = [str(Path(source).resolve()) for source in extension.sources]
        os.chdir(away)
        build = ["build_ext", "--build-lib", str(out / "lib"), "--build-temp", str(out / "objects"), "--force"]
        setup(name=GROUP, packages=[], ext_modules=extensions, script_args=build, cmdclass={"build_ext": Beside})


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
