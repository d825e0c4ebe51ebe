"""What a kind asks for beside its key: by the API and in the config file; kept sealed, checked, never shown."""

from typing import Any

import pytest
from house import House, Run

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.provider_options import MASK, check_options, default_base_url, secret_options, with_defaults
from trimtab.gateway.store import Sealed
from trimtab.gateway.targets import Provider
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.server.config.file import ConfigRefused, parse

AT = "/api/v1/projects/default/providers"
CANARY = "wJalrXUtnFEMI-K7MDENG-canary"
AWS = {"region": "eu-west-1", "access_key_id": "AKID", "secret_access_key": CANARY}


def test_options_rest_sealed_and_secrets_are_never_shown(run: Run) -> None:
    async def story(house: House) -> Any:
        made = await house.admin.post(AT, json={"name": "aws", "kind": "bedrock", "options": AWS})
        assert made.status_code == 201
        assert made.json()["options"] == {**AWS, "secret_access_key": MASK}
        assert made.json()["base_url"] == "https://bedrock-runtime.eu-west-1.amazonaws.com"
        assert CANARY not in (await house.admin.get(AT)).text
        [project] = house.holder.current.targets
        assert house.holder.current.targets[project].providers["aws"].options == AWS
        # what comes back masked keeps its value; a new token joins it
        wish = {**made.json()["options"], "session_token": "t"}
        changed = await house.admin.patch(f"{AT}/aws", json={"options": wish})
        assert changed.json()["options"]["session_token"] == MASK
        assert house.holder.current.targets[project].providers["aws"].options == {**AWS, "session_token": "t"}
        kinds = {kind["name"]: kind for kind in (await house.admin.get("/api/v1/provider-kinds")).json()}
        assert [option["name"] for option in kinds["bedrock"]["options"]] == [
            "region",
            "access_key_id",
            "secret_access_key",
            "session_token",
        ]
        assert kinds["openai"]["options"] == []

    run(story)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"kind": "bedrock", "api_key": "k"}, "options.region", "needs the option 'region'"),
        ({"kind": "bedrock", "options": {"region": "eu-west-1"}}, "api_key", "options access_key_id and secret_access"),
        ({"kind": "bedrock", "api_key": "k", "options": {"region": "a.evil/b"}}, "options.region", "not usable"),
        ({"kind": "bedrock", "api_key": "k", "options": {"regio": "x"}}, "options.regio", "has no option"),
        ({"kind": "azure", "api_key": "k"}, "options.resource", "is missing"),
        ({"kind": "openai", "api_key": "k", "options": {"x": "y"}}, "options.x", "It has none"),
        ({"kind": "azure", "api_key": "k", "options": {"resource": "a\nb"}}, "options.resource", "cannot travel"),
        ({"kind": "openai"}, "api_key", "OPENAI_API_KEY"),
    ],
)
def test_what_is_missing_or_wrong_is_told_by_its_name(run: Run, body: dict[str, Any], param: str, words: str) -> None:
    async def story(house: House) -> Any:
        answer = await house.admin.post(AT, json={"name": "p", **body})
        assert answer.status_code == 400
        assert answer.json()["param"] == param
        assert words in answer.text

    run(story)


def test_the_config_file_takes_them_too_and_tells_their_mistakes_with_their_line() -> None:
    text = """
providers:
  aws:
    kind: bedrock
    options: {region: eu-west-1, access_key_id: AKID, secret_access_key: env:AWS_SECRET}
  azure_deployments: {api_key: k, options: {resource: mine}}
"""
    config = parse(text, "t.yaml", {"AWS_SECRET": CANARY})
    assert config.providers["aws"].options == AWS
    assert config.providers["aws"].base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    azure = config.providers["azure_deployments"]
    assert azure.base_url == "https://mine.openai.azure.com/openai"
    assert azure.options == {"resource": "mine", "api_version": "2024-10-21"}
    assert CANARY not in repr(config)
    with pytest.raises(ConfigRefused) as caught:
        parse("providers:\n  aws:\n    kind: bedrock\n    api_key: k\n    options: {regio: x}\n", "t.yaml", {})
    assert "t.yaml:" in str(caught.value.mistakes[0])
    assert "region" in str(caught.value.mistakes[0])


def test_an_address_given_outright_needs_no_option_that_stands_in_ours() -> None:
    azure = PROVIDER_KINDS.get("azure")
    check_options(azure, Sealed(api_key="k"))
    with pytest.raises(InvalidRequest):
        default_base_url(azure, {})
    config = parse("providers: {azure: {api_key: k, base_url: 'http://127.0.0.1:1/x'}}", "t.yaml", {})
    assert config.providers["azure"].base_url == "http://127.0.0.1:1/x"


def test_only_secrets_are_hidden_in_what_a_provider_says() -> None:
    made = Provider(name="p", kind="bedrock", dialect="bedrock_converse", base_url="http://x", options=AWS)
    assert secret_options(made) == [CANARY]
    assert with_defaults(PROVIDER_KINDS.get("azure_deployments"), {"api_version": "v"}) == {"api_version": "v"}


def test_an_address_that_was_made_with_options_follows_them_and_secrets_stay_behind(run: Run) -> None:
    async def story(house: House) -> None:
        place = {"project": "shop", "location": "global", "client_email": "a@shop.iam", "private_key": "of-the-cloud"}
        made = await house.admin.post(AT, json={"name": "vertex", "kind": "vertex_project", "options": place})
        at = made.json()["base_url"]
        assert at == "https://aiplatform.googleapis.com/v1/projects/shop/locations/global/publishers/google"
        moved = {**made.json()["options"], "location": "europe-west4"}
        kept = await house.admin.patch(f"{AT}/vertex", json={"options": moved})
        assert (kept.status_code, kept.json()["code"]) == (400, "secret_for_another_address"), kept.text
        assert "'options.private_key' is missing" in kept.json()["detail"]
        given = {**moved, "private_key": "once-more"}
        there = await house.admin.patch(f"{AT}/vertex", json={"options": given})
        beside = at.replace("https://", "https://europe-west4-").replace("global", "europe-west4")
        assert there.json()["base_url"] == beside
        nowhere = await house.admin.patch(f"{AT}/vertex", json={"options": {**given, "location": "a.evil/b"}})
        assert (nowhere.status_code, nowhere.json()["param"]) == (400, "options.location")
        own = "http://127.0.0.1:9/vertex"
        proxied = await house.admin.patch(f"{AT}/vertex", json={"base_url": own, "options": given})
        assert proxied.json()["base_url"] == own
        stays = await house.admin.patch(f"{AT}/vertex", json={"options": {**proxied.json()["options"], "project": "x"}})
        assert (stays.status_code, stays.json()["base_url"]) == (200, own)

    run(story)
