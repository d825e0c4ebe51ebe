"""hatchling's build hook: a wheel carries the built console, so that `pip install` needs no Node.

Not for editable installs: there the Makefile builds it (`make console`). An installation from an sdist builds it too.
"""

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """``version`` is hatchling's word for what is built: ``standard`` or ``editable``."""
        if self.target_name != "wheel" or version == "editable":
            return
        _console(Path(self.root)).build()
        build_data["artifacts"].append("src/trimtab/server/static")


def _console(root: Path) -> Any:
    spec = importlib.util.spec_from_file_location("trimtab_console_build", root / "scripts" / "console.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
