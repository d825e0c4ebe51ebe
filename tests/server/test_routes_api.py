"""Routes over the management API: made, changed, explained, removed, and refused with every mistake."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.server.config.file import parse

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
TREE: dict[str, Any] = {
    "node": "when",
    "of": [{"if": {"tags": ["vip"]}, "use": "big"}],
    "otherwise": {"node": "weights", "of": [{"weight": 3, "use": "fast"}, {"weight": 1, "use": "big"}]},
}
ASK = {"messages": [{"role": "user", "content": "hello"}]}
FILE = """
providers:
  lab: {base_url: "http://127.0.0.1:9/v1"}
models:
  fast: {provider: lab}
  big: {provider: lab}
routes:
  filed:
    about: from the file
    tree: {node: fallback, of: [fast, big]}
"""


async def furnished(house: House) -> None:
    body = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-" + "x" * 20}
    assert (await house.admin.post(f"{AT}/providers", json=body)).status_code == 201
    for name in ("fast", "big", "spare"):
        made = await house.admin.post(f"{AT}/models", json={"name": name, "provider": "lab"})
        assert made.status_code == 201


def test_a_route_is_in_force_when_its_answer_comes_and_counts_its_changes(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        admin = house.admin
        made = await admin.post(f"{AT}/routes", json={"name": "smart", "tree": TREE, "about": "the usual"})
        assert made.status_code == 201, made.text
        told = made.json()
        assert (told["version"], told["source"], told["trouble"]) == (1, "catalog", "")
        assert [(t["model"], t["node"], t["breaker"]) for t in told["targets"]] == [
            ("big", "tree.of[0].use", "closed"),
            ("fast", "tree.otherwise.of[0].use", "closed"),
            ("big", "tree.otherwise.of[1].use", "closed"),
        ]
        project = house.holder.current.access.projects["default"].id
        assert house.holder.current.routes[project]["smart"].route.about == "the usual"
        changed = await admin.patch(f"{AT}/routes/smart", json={"tree": "fast", "affinity": {"session": True}})
        assert (changed.json()["version"], changed.json()["tree"]) == (2, "fast")
        shown = (await admin.get(f"{AT}/routes/smart")).json()
        assert (shown["about"], shown["affinity"]) == ("the usual", {"session": True})
        assert [r["name"] for r in (await admin.get(f"{AT}/routes")).json()["items"]] == ["smart"]
        assert (await admin.delete(f"{AT}/routes/smart")).status_code == 204
        assert (await admin.get(f"{AT}/routes/smart")).status_code == 404
        assert project not in house.holder.current.routes

    run(story)


def test_a_route_with_mistakes_is_refused_with_all_of_them(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        nothing: list[str] = []
        tree = {"node": "fallback", "of": ["fats", {"node": "weights", "of": nothing}]}
        refused = await house.admin.post(f"{AT}/routes", json={"name": "smart", "tree": tree})
        told = refused.json()
        assert (refused.status_code, told["code"], told["param"]) == (400, "route_refused", "tree.of[0]")
        assert "Did you mean 'fast'?" in told["detail"]
        assert "tree.of[1].of: The node is empty." in told["detail"]
        strange = await house.admin.post(f"{AT}/routes", json={"name": "smart", "tree": {"node": "fallbak", "of": []}})
        assert strange.status_code == 400
        assert "tree" in strange.text

    run(story)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "fast", "tree": "big"}, 409),
        ({"name": "Not A Name", "tree": "big"}, 400),
        ({"name": "smart", "tree": "big", "more": 1}, 400),
        ({"name": "smart"}, 400),
    ],
)
def test_a_wrong_route_is_refused(run: "Run", body: dict[str, Any], status: int) -> None:
    async def story(house: House) -> None:
        await furnished(house)
        assert (await house.admin.post(f"{AT}/routes", json=body)).status_code == status

    run(story)


def test_names_of_models_and_routes_are_one_namespace_and_what_is_named_stays(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        admin = house.admin
        for name, tree in (("inner", {"node": "fallback", "of": ["fast", "big"]}), ("outer", "inner")):
            assert (await admin.post(f"{AT}/routes", json={"name": name, "tree": tree})).status_code == 201
        taken = await admin.post(f"{AT}/models", json={"name": "inner", "provider": "lab"})
        assert (taken.status_code, taken.json()["param"]) == (409, "name")
        held = await admin.delete(f"{AT}/models/fast")
        assert held.status_code == 409
        assert "named by the route 'inner'" in held.json()["detail"]
        assert (await admin.delete(f"{AT}/models/spare")).status_code == 204
        assert (await admin.delete(f"{AT}/routes/inner")).status_code == 409
        round_about = await admin.patch(
            f"{AT}/routes/inner", json={"tree": {"node": "fallback", "of": ["fast", "outer"]}}
        )
        assert "circle: inner -> outer -> inner" in round_about.json()["detail"]

    run(story)


def test_an_explanation_is_the_decision_without_a_call(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        admin = house.admin
        await admin.post(f"{AT}/routes", json={"name": "smart", "tree": TREE})
        at = f"{AT}/routes/smart/explain"
        plain = (await admin.post(at, json={"body": ASK, "draw": 0.8})).json()
        assert [(s["node"], s["took"]) for s in plain["steps"]] == [
            ("tree", "otherwise"),
            ("tree.otherwise.of[1]", "big"),
        ]
        first, second = plain["candidates"]
        assert (first["model"], first["verdict"], first["known"]["weight"]) == ("big", "chosen", 0.25)
        assert (second["model"], second["verdict"]) == ("fast", "not_needed")
        vip = (await admin.post(at, json={"body": ASK, "headers": {"Trimtab-Tags": "vip"}})).json()
        assert [line["model"] for line in vip["candidates"]] == ["big"]
        other = (await admin.post(at, json={"body": ASK, "tree": "spare"})).json()
        assert [line["model"] for line in other["candidates"]] == ["spare"]
        assert (await admin.post(at, json={"body": ASK, "tree": "nope"})).json()["code"] == "route_refused"
        assert (await admin.post(at, json={"body": ASK, "dialect": "klingon"})).status_code == 400
        assert (await admin.post(f"{AT}/routes/none/explain", json={"body": ASK})).status_code == 404

    run(story)


def test_a_breaker_that_is_open_shows_in_an_explanation(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        await house.admin.post(
            f"{AT}/routes", json={"name": "smart", "tree": {"node": "fallback", "of": ["fast", "big"]}}
        )
        project = house.holder.current.access.projects["default"].id
        breaker = house.holder.made_with.live.of(project, "lab", "fast").breaker
        for _ in range(breaker.policy.failures_in_a_row):
            breaker.failed(house.clock.now_ns())
        told = (await house.admin.post(f"{AT}/routes/smart/explain", json={"body": ASK})).json()
        assert [(c["verdict"], c["breaker"]) for c in told["candidates"]] == [
            ("skipped", "its breaker is open"),
            ("chosen", ""),
        ]
        shown = (await house.admin.get(f"{AT}/routes/smart")).json()
        assert shown["targets"][0]["breaker"] == "open"

    run(story)


def test_a_route_of_the_config_file_is_shown_and_changed_in_the_file_only(run: "Run") -> None:
    async def story(house: House) -> None:
        shown = (await house.admin.get(f"{AT}/routes/filed")).json()
        assert (shown["source"], shown["version"], shown["about"]) == ("config", 0, "from the file")
        for refused in (
            await house.admin.patch(f"{AT}/routes/filed", json={"about": "x"}),
            await house.admin.delete(f"{AT}/routes/filed"),
            await house.admin.delete(f"{AT}/models/fast"),
        ):
            assert (refused.status_code, "config file" in refused.text) == (409, True)

    run(story, config=parse(FILE, "t.yaml", {}))


def test_a_target_that_goes_away_is_told_as_trouble(run: "Run") -> None:
    async def story(house: House) -> None:
        await house.admin.post(
            f"{AT}/routes", json={"name": "smart", "tree": {"node": "fallback", "of": ["fast", "big"]}}
        )
        house.holder.watch.config = parse(
            FILE.replace("[fast, big]", "[big]").replace("  fast: {provider: lab}\n", ""), "t.yaml", {}
        )
        await house.holder._refresh(reconfigured=True)  # pyright: ignore[reportPrivateUsage]
        shown = (await house.admin.get(f"{AT}/routes/smart")).json()
        assert shown["trouble"] == "tree.of[0] names 'fast', which cannot be used now."
        assert [t["model"] for t in shown["targets"]] == ["big"]

    run(story, config=parse(FILE, "t.yaml", {}))


def test_a_read_only_key_may_look_and_explain_but_not_change(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        await house.admin.post(f"{AT}/routes", json={"name": "smart", "tree": TREE})
        issued = await house.admin.post(f"{AT}/keys", json={"name": "r", "role": "read_only"})
        reader = house.client(issued.json()["secret"])
        assert (await reader.get(f"{AT}/routes")).status_code == 200
        assert (await reader.post(f"{AT}/routes/smart/explain", json={"body": ASK})).status_code == 200
        assert (await reader.patch(f"{AT}/routes/smart", json={"about": "x"})).status_code == 403
        assert (await reader.post("/api/v1/reload")).status_code == 403

    run(story)


def test_routes_rest_in_the_snapshots_file_and_serve_without_the_catalog(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnished(house)
        await house.admin.post(f"{AT}/routes", json={"name": "smart", "tree": TREE})
        from trimtab.server.snapshot import holder as snapshot

        state = snapshot._read_file(house.folder / snapshot.FILE)  # pyright: ignore[reportPrivateUsage]
        assert state is not None
        built = snapshot.build(state, house.holder.config, house.box)
        assert next(iter(built.snapshot.routes.values())).keys() == {"smart"}

    run(story)
