"""Real frameworks with their real instrumentations, run once in front of the simulated provider, two at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from patience import PATIENCE_S

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).parent))

import install_clients as installed
from live import ADMIN, Live, live, simulated
from sections import ALL, FRAMEWORKS, HEAVY, OF_NEWEST, OF_OLDER, Trace

HERE = Path(__file__).parent


def run(argv: list[str], server: Live, upstream: str, home: Path) -> dict[str, str]:
    """What the emitters printed: the trace id of each section. ``home`` is a folder for what they write."""
    environment = {
        **os.environ,
        "TRACES": f"{server.url}/v1/traces",
        "KEY": ADMIN,
        "MODEL_URL": f"{upstream}/v1",
        "NODE_HOME": str(installed.NODE_HOME),
        "GEMINI_URL": upstream,
        "XDG_DATA_HOME": str(home),
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only",
    }
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.stdout.strip(), done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trace]]:
    """Every section's trace, as the API tells it, once the store has all of them."""
    installed.install(agents=ALL)
    newest = [str(installed.NEWEST), str(HERE / "python_emitters.py"), *OF_NEWEST]
    older = [str(installed.PYTHON), str(HERE / "python_emitters.py"), *OF_OLDER, *(HEAVY if ALL else ())]
    node = [str(installed.node_folder() / "node"), str(HERE / "vercel_emitters.mjs")]
    emitters = [newest, older, node]
    if ALL:
        emitters += [[str(installed.AGENTS), str(HERE / "python_emitters.py"), name] for name in FRAMEWORKS]
    home = tmp_path_factory.mktemp("home")
    with simulated() as upstream, live(tmp_path_factory.mktemp("emitters")) as server:
        with ThreadPoolExecutor(2) as pool:
            runs: list[Future[dict[str, str]]] = [pool.submit(run, argv, server, upstream, home) for argv in emitters]
            told = {name: trace_id for each in runs for name, trace_id in each.result().items()}
        broken = {name: said for name, said in told.items() if len(said) != 32}
        assert broken == {}
        server.settled()
        found: dict[str, Trace] = {}
        for name, trace_id in told.items():
            trace: Trace = server.trace(trace_id)
            for span in trace["spans"]:
                if span["kind"] in ("llm", "tool", "agent"):
                    span["io"] = server.api(f"/projects/default/traces/{trace_id}/spans/{span['span_id']}/io")
            found[name] = trace
        yield found
