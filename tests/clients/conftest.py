"""One server in front of simulated providers, a project for each page, and every page run once: two at a time."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

import pages
from live import ADMIN, Live, live, simulated

from trimtab.sdk import Client

MODELS = {
    "fast": "gpt-4o-mini",
    "gpt-4o-mini": "gpt-4o-mini",
    "careful": "claude-haiku-4-5",
    "claude-haiku-4-5": "claude-haiku-4-5",
    "vectors": "text-embedding-3-small",
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    pages.installed.install()
    with simulated() as upstream, live(tmp_path_factory.mktemp("clients")) as running:
        with Client(running.url, ADMIN) as client:
            for name in pages.names():
                client.create_project(name)
                for kind in ("openai", "anthropic"):
                    client.create_provider(name, kind, kind=kind, base_url=f"{upstream}/v1", api_key="k")
                for model, its_id in MODELS.items():
                    provider = "anthropic" if its_id.startswith("claude") else "openai"
                    client.create_model(name, model, provider=provider, upstream=its_id)
        yield running


@pytest.fixture(scope="session")
def runs(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Future[dict[str, str]]"]]:
    """What each page printed, by heading, once it has run; its future holds the failure when it failed."""

    def one(name: str) -> dict[str, str]:
        with Client(server.url, ADMIN) as client:
            key = client.create_key(name, "docs").secret
        return pages.run(pages.read(name), server.url, key, tmp_path_factory.mktemp(name))

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(one, name) for name in pages.names()}


@pytest.fixture(scope="session")
def moved(server: Live) -> Live:
    """The clients' server, with a project for what is sent here, and a model in it."""
    with Client(server.url, ADMIN) as client:
        client.create_project("moved")
    return server
