"""The console asks for permissions that there are: a misspelt one would be lacked by everybody, administrators too."""

import re
from pathlib import Path

from trimtab.governance.permissions import PERMISSIONS

CONSOLE = Path(__file__).parents[2] / "console" / "src"
NAMED = re.compile(r'needs="([^"]*)"|useMay(?:In)?\("([^"]*)"')


def test_every_permission_that_the_console_names_is_one() -> None:
    named = {
        one or other
        for path in CONSOLE.rglob("*.tsx")
        if ".test." not in path.name
        for one, other in NAMED.findall(path.read_text())
    }
    assert "knowledge:write" in named
    assert named - PERMISSIONS == set()
