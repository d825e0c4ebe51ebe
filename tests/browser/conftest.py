"""The house and the browser of the console's tests: one of each for all of them. So is a logged-in person's context,
with what it has cached; each test has a page of its own in it."""

import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "flows"))

from browsing import PHONE, WITHIN_MS, House, Visitor, chromium, house, visiting
from trials import Trials, open_trials

expect.set_options(timeout=WITHIN_MS)
STATIC = Path(__file__).parents[2] / "src" / "trimtab" / "server" / "static" / "index.html"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What fails tells where its pages stood."""
    try:
        return (yield)
    except Exception as error:
        assert isinstance(item, pytest.Function)
        for each in item.funcargs.values():
            if isinstance(each, Visitor) and each.asked:
                error.add_note(each.told())
        raise


@pytest.fixture(scope="session")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if not STATIC.is_file():
        pytest.fail("The console is not built: run `make console` first.")
    with house(tmp_path_factory.mktemp("console")) as built:
        yield built


@pytest.fixture(scope="session")
def trials(at: House) -> Iterator[Trials]:
    """A project in which things are measured; one for all who look at it."""
    opened = open_trials(at)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def at_desk(browser: Browser, at: House) -> Iterator[Visitor]:
    with visiting(browser, at.url) as somebody:
        yield somebody


@pytest.fixture(scope="session")
def on_phone(browser: Browser, at: House) -> Iterator[Visitor]:
    with visiting(browser, at.url, PHONE) as somebody:
        yield somebody


@pytest.fixture
def visitor(at_desk: Visitor) -> Iterator[Visitor]:
    with at_desk.again() as somebody:
        yield somebody


@pytest.fixture
def alone(browser: Browser, at: House) -> Iterator[Visitor]:
    """In a session of their own, for those who end it."""
    with visiting(browser, at.url) as somebody:
        yield somebody


@pytest.fixture
def stranger(browser: Browser, at: House) -> Iterator[Visitor]:
    """Not logged in."""
    with visiting(browser, at.url, login=False) as somebody:
        yield somebody


@pytest.fixture
def phone(on_phone: Visitor) -> Iterator[Visitor]:
    with on_phone.again() as somebody:
        yield somebody
