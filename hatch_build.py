"""hatchling's build hook: a wheel carries the built console, so that `pip install` needs no Node.

Not for editable installs: there the Makefile builds it (`make console`). An installation from an sdist builds it too.
Where that is possible, a wheel carries the path of a call compiled as well, beside its sources, and is then one for
this system and this version of Python (docs/decisions/0019); with ``TRIMTAB_COMPILE=0`` it does not, with 1 it does or
is not built. Never an editable install: a library that is older than the source beside it would be what runs.
"""

import importlib.util
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside what `pyproject.toml` says. Asked before it is known which kind is built."""
        native = _script(Path(self.root), "compile")
        return [*native.REQUIRES, *self.metadata.core.dependencies] if native.to_be_tried() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """``version`` is hatchling's word for what is built: ``standard`` or ``editable``."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        _script(root, "console").build()
        build_data["artifacts"].append("src/trimtab/server/static")
        native = _script(root, "compile")
        if not native.to_be_tried():
            return
        self._made = tempfile.TemporaryDirectory()
        out = Path(self._made.name)
        try:
            libraries = native.compile_all(root, out)
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            if native.asked():
                raise
            self.app.display_warning(f"Not compiled, so the wheel is the one that runs everywhere: {error}")
            return
        for library in libraries:
            build_data["force_include"][str(library)] = library.relative_to(out / "lib").as_posix()
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  hatchling's
        """The wheel is written."""
        if (made := getattr(self, "_made", None)) is not None:
            made.cleanup()


def _script(root: Path, name: str) -> Any:
    """A module of `scripts`."""
    spec = importlib.util.spec_from_file_location(f"trimtab_{name}_build", root / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
