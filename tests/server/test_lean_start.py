"""What a server does not import before it is ready: each of these takes tens of milliseconds of a processor."""

import importlib.util
import subprocess
import sys

import pytest

from patience import PATIENCE_S

HEAVY = {
    "trimtab.server.serving": ("alembic", "cedarpy", "genai_prices", "numpy", "pydantic", "rich"),
    "trimtab.server.workers": ("alembic", "cedarpy", "genai_prices", "litestar", "numpy", "pydantic", "uvicorn"),
    "trimtab.telemetry.process": ("chdb", "httpx", "numpy", "pyarrow", "pydantic", "sqlalchemy"),
}


@pytest.mark.parametrize("module", HEAVY)
def test_a_process_imports_nothing_heavy_that_it_may_never_need(module: str) -> None:
    program = f"import sys, {module}\nprint(*(name for name in {HEAVY[module]!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert done.stdout.split() == []


ROWS = """
import sys
from trimtab.telemetry import columnar
{before}
arrow = columnar._pyarrow()
stored = arrow.array([b"a", None, b"c"], arrow.binary(), memory_pool=columnar._pool())
print(stored.to_pylist(), any(name.startswith("pandas") for name in sys.modules))
"""


@pytest.mark.parametrize(("before", "there"), [("", True), ("columnar.without_pandas()", False)])
def test_rows_are_stored_without_pandas_though_it_is_installed(before: str, there: bool) -> None:
    if importlib.util.find_spec("pandas") is None:
        there = False
    program = ROWS.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert done.stdout.strip() == f"[b'a', None, b'c'] {there}"
