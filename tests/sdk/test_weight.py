"""`import trimtab.sdk` stands in other people's start-up time."""

import json
import statistics
import subprocess
import sys

LIMIT_MS = 150
MEASURE = """
import json, sys, time
before = set(sys.modules)
began = time.process_time()  # what a busy machine does beside it is not counted
import trimtab.sdk
print(json.dumps({"ms": (time.process_time() - began) * 1000, "modules": sorted(set(sys.modules) - before)}))
"""


def measured() -> tuple[float, set[str]]:
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", MEASURE])) for _ in range(5)]
    return statistics.median(run["ms"] for run in runs), set(runs[0]["modules"])


def test_the_sdk_imports_in_less_than_150_ms_and_without_an_http_library() -> None:
    took, modules = measured()
    assert took < LIMIT_MS
    for heavy in ("httpx", "anyio", "asyncio", "litestar", "sqlalchemy", "click", "rich"):
        assert heavy not in modules
    rooms = {name.split(".")[1] for name in modules if name.startswith("trimtab.")}
    assert rooms <= {"core", "llm", "sdk"}
