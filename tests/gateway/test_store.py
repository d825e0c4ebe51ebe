"""Providers and models in the catalog: names, references, no circles; secrets sealed."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, text

from trimtab.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from trimtab.gateway import store
from trimtab.gateway.store import Declared, ModelRow, ProviderRow, Sealed
from trimtab.gateway.targets import Timeouts
from trimtab.governance import projects
from trimtab.governance.secrets import SecretBox
from trimtab.ledger.types import PriceOverride
from trimtab.storage import revision
from trimtab.storage.database import Database

BOX = SecretBox(bytes(range(32)))
NONE = Declared()
CANARY = "sk-canary-0123456789"


class Catalog:
    """Two projects, ``a`` and ``b``; functions run in transactions of their own."""

    def __init__(self, runner: asyncio.Runner, db: Database) -> None:
        self._runner, self._db = runner, db
        self.a, self.b = (self.write(lambda conn, s=slug: _project(conn, s)) for slug in ("a", "b"))

    def write(self, work: Callable[[Connection], Any]) -> Any:
        return self._runner.run(self._db.write(work))

    def provider(self, name: str = "lab", project: str = "", declared: Declared = NONE) -> ProviderRow:
        at = project or self.a
        sealed = store.seal(BOX, at, name, Sealed(api_key=CANARY, headers={"x-team": "canary-header"}))
        url = "http://127.0.0.1:9/v1"
        row = ProviderRow(
            project_id=at, name=name, kind="custom", dialect="openai_chat", base_url=url, sealed=sealed,
            timeouts=Timeouts(idle=7.5), created=3, updated=3,
        )  # fmt: skip
        self.write(lambda conn: store.add_provider(conn, row, declared))
        return row

    def model(self, name: str, *fallback: str, declared: Declared = NONE, **options: Any) -> ModelRow:
        fields: dict[str, Any] = {"provider": "lab", "upstream": "u", "project_id": self.a, **options}
        row = ModelRow(name=name, fallback=fallback, created=4, updated=4, **fields)
        self.write(lambda conn: store.add_model(conn, row, declared))
        return row


def _project(conn: Connection, slug: str) -> str:
    return projects.create(conn, slug=slug, name="", capture_content=True, now=1).id


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    with asyncio.Runner() as runner:
        db = Database.open(catalog_url)
        yield Catalog(runner, db)
        runner.run(db.close())


def test_a_provider_comes_back_as_it_was_and_its_secret_rests_sealed(catalog: Catalog) -> None:
    row = catalog.provider()
    found = catalog.write(lambda conn: store.provider(conn, catalog.a, "lab"))
    assert found == row
    assert store.unseal(BOX, found) == Sealed(api_key=CANARY, headers={"x-team": "canary-header"})
    lines = catalog.write(lambda conn: [str(tuple(r)) for r in conn.execute(text("SELECT * FROM providers"))])
    assert len(lines) == 1
    assert "canary" not in lines[0]
    assert "canary" not in repr(store.unseal(BOX, found))


def test_a_sealed_secret_copied_to_another_provider_does_not_open(catalog: Catalog) -> None:
    row = catalog.provider()
    with pytest.raises(Unavailable):
        store.unseal(BOX, replace(row, name="other"))
    with pytest.raises(Unavailable):
        store.unseal(BOX, replace(row, project_id=catalog.b))


def test_a_model_comes_back_as_it_was(catalog: Catalog) -> None:
    catalog.provider()
    price = PriceOverride(input=0.15, output=0.6, cache_read=0.075)
    catalog.model("slow")
    row = catalog.model("team/fast", "slow", price=price)
    assert catalog.write(lambda conn: store.model(conn, catalog.a, "team/fast")) == row
    assert [m.name for m in catalog.write(lambda conn: store.models(conn, catalog.a))] == ["slow", "team/fast"]


def test_a_name_is_given_once_per_project(catalog: Catalog) -> None:
    catalog.provider()
    catalog.provider(project=catalog.b)
    catalog.model("fast")
    with pytest.raises(Conflict):
        catalog.provider()
    with pytest.raises(Conflict):
        catalog.model("fast")


def test_a_model_of_another_projects_provider_is_refused(catalog: Catalog) -> None:
    catalog.provider("lab", catalog.b)
    with pytest.raises(InvalidRequest) as caught:
        catalog.model("fast")
    assert caught.value.param == "provider"


def test_unknown_names_are_refused_with_what_was_probably_meant(catalog: Catalog) -> None:
    catalog.provider("openai-eu")
    with pytest.raises(InvalidRequest) as caught:
        catalog.model("fast", provider="opnai-eu")
    assert caught.value.fix == "Did you mean 'openai-eu'?"
    catalog.model("slow", provider="openai-eu")
    with pytest.raises(InvalidRequest) as caught:
        catalog.model("fast", "slwo", provider="openai-eu")
    assert caught.value.fix == "Did you mean 'slow'?"
    with pytest.raises(NotFound) as missing:
        catalog.write(lambda conn: store.model(conn, catalog.a, "slo"))
    assert missing.value.fix == "Did you mean 'slow'?"


def test_fallbacks_never_go_round(catalog: Catalog) -> None:
    catalog.provider()
    catalog.model("c")
    catalog.model("b", "c")
    catalog.model("a", "b", "c")
    with pytest.raises(InvalidRequest) as caught:
        catalog.write(
            lambda conn: store.change_model(conn, catalog.a, "c", NONE, lambda m: replace(m, fallback=("a",)))
        )
    assert "circle" in caught.value.message
    assert catalog.write(lambda conn: store.model(conn, catalog.a, "c")).fallback == ()
    with pytest.raises(InvalidRequest):
        catalog.model("self", "self")
    with pytest.raises(InvalidRequest):
        catalog.model("twice", "a", "a")


names = st.sampled_from("abcdef")


@given(st.dictionaries(names, st.lists(names, unique=True).map(tuple)), names)
def test_a_circle_is_found_exactly_where_a_path_leads_back(models: dict[str, tuple[str, ...]], start: str) -> None:
    found = store.circle(start, models)
    reached, waiting = set[str](), [start]
    while waiting:
        for other in models.get(waiting.pop(), ()):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    assert bool(found) == (start in reached)
    if found:
        assert found[0] == found[-1] == start
        assert all(after in models[before] for before, after in pairwise(found))


def test_what_is_in_use_cannot_be_removed_until_it_is_not(catalog: Catalog) -> None:
    catalog.provider()
    catalog.model("slow")
    catalog.model("fast", "slow")
    with pytest.raises(Conflict, match="'fast', 'slow'"):
        catalog.write(lambda conn: store.remove_provider(conn, catalog.a, "lab", NONE))
    with pytest.raises(Conflict, match="'fast'"):
        catalog.write(lambda conn: store.remove_model(conn, catalog.a, "slow", NONE))
    for name in ("fast", "slow"):
        catalog.write(lambda conn, name=name: store.remove_model(conn, catalog.a, name, NONE))
    catalog.write(lambda conn: store.remove_provider(conn, catalog.a, "lab", NONE))
    assert catalog.write(lambda conn: store.providers(conn)) == []


def test_what_the_config_file_declares_counts_and_is_changed_there_only(catalog: Catalog) -> None:
    declared = Declared(providers=frozenset({"filed"}), models={"swift": ("lab", ("backup",))})
    catalog.provider()
    with pytest.raises(Conflict, match="config file"):
        catalog.provider("filed", declared=declared)
    catalog.model("backup", declared=declared)
    catalog.model("mine", "swift", provider="filed", declared=declared)
    refused: list[Callable[[Connection], Any]] = [
        lambda conn: store.remove_model(conn, catalog.a, "swift", declared),
        lambda conn: store.remove_model(conn, catalog.a, "backup", declared),
        lambda conn: store.remove_provider(conn, catalog.a, "lab", declared),
        lambda conn: store.change_provider(conn, catalog.a, "filed", declared, lambda old: old),
        lambda conn: store.change_model(conn, catalog.a, "swift", declared, lambda old: old),
    ]
    for work in refused:
        with pytest.raises(Conflict):
            catalog.write(work)
    with pytest.raises(InvalidRequest, match="circle"):
        catalog.write(
            lambda conn: store.change_model(
                conn, catalog.a, "backup", declared, lambda m: replace(m, fallback=("swift",))
            )
        )


def test_every_change_is_announced_and_a_refused_one_is_not(catalog: Catalog) -> None:
    def count() -> int:
        return catalog.write(lambda conn: revision.current(conn, projects.REVISION))

    seen = [count()]
    catalog.provider()
    seen.append(count())
    catalog.model("fast")
    seen.append(count())
    catalog.write(lambda conn: store.change_model(conn, catalog.a, "fast", NONE, lambda m: replace(m, upstream="v")))
    seen.append(count())
    with pytest.raises(Conflict):
        catalog.write(lambda conn: store.remove_provider(conn, catalog.a, "lab", NONE))
    assert count() == seen[-1]
    catalog.write(lambda conn: store.remove_model(conn, catalog.a, "fast", NONE))
    seen.append(count())
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("name", ["fast", "a", "gpt-4.1_mini", "team/fast", "a/b/c", "9b"])
def test_good_model_names_pass(name: str) -> None:
    store.check_model_name(name)


@pytest.mark.parametrize(
    "name", ["", "/", "a/", "/a", "a//b", "A", "a b", "-a", "a/-b", "x" * 201, "a\n", "a%2Fb", "ä", "a\0"]
)
def test_bad_model_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        store.check_model_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "A", "x" * 64, ".a", "a b", "a\n"])
def test_bad_provider_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        store.check_provider_name(name)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9100",
        "ftp://h/v1",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@h/v1",
        "http://h/v1?key=secret",
        "http://h/v1#x",
        "http://h:99999/v1",
        "http://h:0/v1",
        "http://[bad/v1",
        "http://h/v 1",
        "http://h/v1\r\nx: y",
        "http://ä/v1",
        "http://h/" + "x" * 2000,
    ],
)
def test_base_urls_that_cannot_be_called_are_refused_unsaid(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        store.check_base_url(url)
    assert "secret" not in caught.value.sentence()


def test_a_good_base_url_loses_only_its_last_slash() -> None:
    assert store.check_base_url("http://127.0.0.1:9100/v1/") == "http://127.0.0.1:9100/v1"
    assert store.check_base_url("https://[::1]:8443/api") == "https://[::1]:8443/api"


@pytest.mark.parametrize(
    "secret",
    [
        Sealed(api_key="canary\r\nx-evil: 1"),
        Sealed(api_key="canary-ä"),
        Sealed(api_key=""),
        Sealed(headers={"x-a": "canary\n"}),
        Sealed(headers={"bad name": "canary"}),
        Sealed(headers={"": "canary"}),
        Sealed(headers={"Host": "canary"}),
        Sealed(headers={"Transfer-Encoding": "canary"}),
        Sealed(headers={f"x-{n}": "canary" for n in range(33)}),
    ],
)
def test_secrets_that_would_break_a_request_apart_are_refused_unsaid(secret: Sealed) -> None:
    with pytest.raises(InvalidRequest) as caught:
        store.check_secret(secret)
    assert "canary" not in caught.value.sentence()


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 86_401])
def test_timeouts_out_of_bounds_are_refused(value: float) -> None:
    with pytest.raises(InvalidRequest):
        store.check_timeouts(Timeouts(total=value))


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), 1e7])
def test_prices_out_of_bounds_are_refused(value: float) -> None:
    with pytest.raises(InvalidRequest):
        store.check_price(PriceOverride(input=1, output=value))
