"""Our own processes import httpx without what only its command line needs, and it works as ever."""

import subprocess
import sys

import pytest

LEAN = """
import sys
from trimtab.core.lean_httpx import import_less
{before}
import_less()
import httpx
assert httpx.Request("GET", "http://a.test/b").url.path == "/b"
assert callable(httpx.main)
print(sorted({{"rich", "pygments"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(("before", "imported"), [("", "[]"), ("import httpx", "['pygments', 'rich']")])
def test_httpx_is_imported_without_its_command_unless_it_is_there_already(before: str, imported: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAN.format(before=before)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == imported


def test_a_command_that_asks_a_server_imports_neither_rich_nor_pygments() -> None:
    told = "import sys; sys.argv[1:] = ['projects', 'list', '--help']; from trimtab.cli.main import main\n"
    told += "try: main()\nexcept SystemExit: pass\n"
    told += "import httpx; print(sorted({'rich', 'pygments'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_worker_of_a_server_imports_neither() -> None:
    told = "import sys, trimtab.server.workers, trimtab.server.serving; print('httpx' in sys.modules)\n"
    told += "print(sorted({'rich', 'pygments'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["True", "[]"]
