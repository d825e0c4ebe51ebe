"""A query parameter that a route does not know is refused, by every route, and the one that was meant is named."""

import pytest
from house import House, Run
from litestar.handlers import HTTPRouteHandler

from trimtab.core.errors import InvalidRequest
from trimtab.server.api import all_routes
from trimtab.server.asked import parameters_of, refuse_unknown

AT = "/api/v1/projects/default"


@pytest.mark.parametrize(
    ("path", "given", "meant"),
    [
        (f"{AT}/costs", "by", "group_by"),
        (f"{AT}/costs", "groupby", "group_by"),
        (f"{AT}/traces", "query", "q"),
        (f"{AT}/traces", "limits", "limit"),
        (f"{AT}/models", "Cursor", "cursor"),
        (f"{AT}/aggregate", "metric", "metrics"),
    ],
)
def test_the_name_that_was_meant_is_told(run: Run, path: str, given: str, meant: str) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.get(path, params={given: "model"})
        told = answer.json()
        assert answer.status_code == 400
        assert (told["code"], told["param"]) == ("unknown_parameter", given)
        assert told["fix"].startswith(f"Did you mean {meant!r}? There are: ")

    run(story)


def test_what_takes_none_says_so_and_a_change_is_not_made(run: Run) -> None:
    async def story(house: House) -> None:
        refused = await house.admin.post(f"{AT}/keys?dry_run=true", json={"name": "mine"})
        assert refused.status_code == 400
        assert refused.json()["fix"] == "It takes none: leave it out."
        names = [key["name"] for key in (await house.admin.get(f"{AT}/keys")).json()["items"]]
        assert "mine" not in names

    run(story)


def test_who_may_not_ask_is_told_that_and_not_what_there_is_to_ask(run: Run) -> None:
    async def story(house: House) -> None:
        assert (await house.client("").get(f"{AT}/costs?by=model")).status_code == 401
        assert (await house.admin.get("/api/v1/projects/nowhere/costs?by=model")).status_code == 404

    run(story)


def test_what_scrapes_metrics_or_asks_for_life_adds_what_it_likes(run: Run) -> None:
    async def story(house: House) -> None:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await house.admin.get(f"{path}?format=prometheus")).status_code == 200

    run(story)


def test_a_tile_at_an_identity_provider_adds_what_it_likes(run: Run) -> None:
    async def story(house: House) -> None:
        asked = {"iss": "https://idp.test", "login_hint": "ann@example.com", "target_link_uri": "https://trimtab.test"}
        answer = await house.client("").get("/api/v1/oidc/nowhere/start", params=asked)
        assert answer.status_code == 404, "there is no such provider, which is all that is wrong"

    run(story)


def test_every_route_refuses_what_it_does_not_know_and_takes_what_it_names() -> None:
    handlers = all_routes()
    for handler in handlers:
        refuse_unknown(handler, [each.name for each in parameters_of(handler)])
    assert [handler.opt["operation"].id for handler in handlers if takes_anything(handler)] == [
        "startSignIn",
        "finishSignIn",
    ]


def takes_anything(handler: HTTPRouteHandler) -> bool:
    try:
        refuse_unknown(handler, ["surely_not_one"])
    except InvalidRequest:
        return False
    return True
