"""One house for all tests of datasets: making its catalog takes longer than most of them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from house import House, make_house
from sqlalchemy import delete

from trimtab.evaluation.tables import DATASET_CASES, DATASET_PROPOSALS, DATASET_VERSIONS, DATASETS
from trimtab.governance.audit import AUDIT

if TYPE_CHECKING:
    from house import Run

EMPTIED = (DATASET_PROPOSALS, DATASET_CASES, DATASET_VERSIONS, DATASETS, AUDIT)


@pytest.fixture(scope="session")
def dataset_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, House]]:
    with asyncio.Runner() as runner:
        house = runner.run(make_house(tmp_path_factory.mktemp("house")))
        yield runner, house
        runner.run(house.close())


@pytest.fixture
def run(dataset_home: tuple[asyncio.Runner, House]) -> "Run":
    """Runs a story over that house, with no dataset in it."""
    runner, house = dataset_home

    async def empty() -> None:
        await house.db.write(lambda conn: [conn.execute(delete(table)) for table in EMPTIED])

    def runner_of(story: Callable[[House], Coroutine[Any, Any, Any]], **options: Any) -> Any:
        assert not options
        runner.run(empty())
        return runner.run(story(house))

    return cast("Run", runner_of)
