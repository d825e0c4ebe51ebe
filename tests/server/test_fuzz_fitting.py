"""What fits the API's description finds no defect of ours, and the answers are as described."""

from collections.abc import Iterator
from typing import Any

import pytest
from fuzzing import OPERATIONS, Server, fuzz, served_by
from schemathesis import GenerationMode

from trimtab.telemetry.reader import TelemetryReader


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served: Any) -> Iterator[Server]:
    yield from served_by(tmp_path_factory.mktemp("fuzz"), TelemetryReader(served.socket))


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_nothing_that_fits_finds_a_defect(server: Server, label: str) -> None:
    fuzz(server, label, GenerationMode.POSITIVE)
