"""A real server, shared by this folder's tests: they look at it, and each works in a project of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
sys.path.insert(0, str(Path(__file__).parent))

from live import ADMIN, Live, live, simulated
from shells import Shell

from trimtab.sdk import Client


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    with simulated() as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("cli")) as running:
        yield running


@pytest.fixture
def shell(server: Live, request: pytest.FixtureRequest) -> Shell:
    """In a project of the test's own."""
    slug = f"p-{abs(hash(request.node.name))}"
    with Client(server.url, ADMIN) as client:
        client.create_project(slug)
    return Shell(server, slug)


@pytest.fixture
def with_model(shell: Shell, upstream: str) -> Shell:
    shell.ok("providers", "add", "lab", "--base-url", f"{upstream}/v1")
    shell.ok("models", "add", "fast", "--provider", "lab", "--upstream", "gpt-4o-mini", "--price", "1", "2")
    return shell
