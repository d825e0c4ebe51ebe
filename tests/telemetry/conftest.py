"""`makings` and `searching` as modules that tests of this room may import by name; two projects in one store to ask."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from searching import Asking
    from ways import Way

    from trimtab.storage.blobs import FolderBlobs
    from trimtab.telemetry.stores import Store
    from trimtab.telemetry.views import SpanRow


@pytest.fixture(scope="module")
def asking(engine: "Store", blobs: "FolderBlobs", served: Any) -> "Iterator[Asking]":
    """Asks about two projects that look the same."""
    from searching import Asking, two_projects

    found = Asking(served.socket, two_projects(engine, blobs))
    yield found
    found.close()


@pytest.fixture(scope="module")
def rows(asking: "Asking") -> "list[SpanRow]":
    """The calls of the one that is asked about."""
    from makings import day

    return asking.run(asking.reader.traces(asking.ours, "", day(), None, 500)).rows


@pytest.fixture
def way(tmp_path: Path, engine: "Store") -> "Iterator[Way]":
    from ways import Way

    subject = Way(tmp_path, engine)
    yield subject
    subject.close()
