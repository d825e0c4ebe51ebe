"""Who may change an address gets no secret by it: providers, destinations, guard services and identity providers keep
what was given for another address to themselves, say so, and write down that it was tried."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.gateway import store as providers
from trimtab.governance import sign_in_store
from trimtab.telemetry.forward import store as forwards

if TYPE_CHECKING:
    from house import Run

P = "/api/v1/projects/default"
MASK = "••••••••"
KEY = "sk-kept-0123456789abcdef"
LAB: dict[str, Any] = {
    "name": "lab",
    "kind": "custom",
    "base_url": "https://lab.example.com/v1",
    "api_key": KEY,
    "headers": {"x-team-token": "kept-team-token", "x-region": "eu"},
}
HOOK: dict[str, Any] = {
    "name": "hook",
    "kind": "webhook",
    "url": "https://1.1.1.1/hook",
    "secret": "a-kept-secret-of-hooks",
    "headers": {"authorization": "Bearer kept-hook"},
}
SEALED = ("kept-team-token", KEY, "a-kept-secret-of-hooks", "kept-hook")


async def refused(
    house: House, at: str, change: dict[str, Any], missing: tuple[str, ...], method: str = "PATCH"
) -> None:
    """It is refused with the fields that are missing, nothing is told of what is kept, and the audit log has it."""
    answer = await house.admin.request(method, at, json=change)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, "secret_for_another_address"), answer.text
    assert told["param"] == missing[0].partition(".")[0]
    assert all(repr(field) in told["detail"] for field in missing), told["detail"]
    assert not any(secret in answer.text for secret in SEALED)
    trail = (await house.admin.get(f"{P}/audit" if at.startswith(P) else "/api/v1/audit")).json()["items"]
    assert trail[0]["action"] == "secret.kept_back"
    assert trail[0]["detail"]["kept"] == list(missing)


async def kept_provider(house: House) -> tuple[str, providers.Sealed]:
    [row] = await house.db.read(providers.providers)
    return row.base_url, providers.unseal(house.box, row)


def test_the_key_and_secret_headers_of_a_provider_go_to_no_other_address_than_they_were_given_for(run: "Run") -> None:
    async def story(house: House) -> None:
        at, evil = f"{P}/providers/lab", "https://evil.example.com/v1"
        assert (await house.admin.post(f"{P}/providers", json=LAB)).status_code == 201
        both = ("api_key", "headers.x-team-token")
        await refused(house, at, {"base_url": evil}, both)
        await refused(house, at, {"base_url": "http://lab.example.com/v1"}, both)
        await refused(house, at, {"base_url": "https://lab.example.com/v2"}, both)
        await refused(house, at, {"base_url": evil, "api_key": "another"}, both[1:])
        shown = {"x-team-token": MASK, "x-region": "eu"}
        await refused(house, at, {"base_url": evil, "api_key": None, "headers": shown}, both[1:])
        await refused(house, at, {"base_url": evil, "headers": {}}, both[:1])
        before = (LAB["base_url"], providers.Sealed(api_key=KEY, headers=LAB["headers"]))
        assert await kept_provider(house) == before

        below = await house.admin.patch(at, json={"base_url": "https://LAB.example.com/v1/openai"})
        assert below.status_code == 200, below.text
        assert (await kept_provider(house))[1] == before[1]
        anew = {"base_url": evil, "api_key": "sk-theirs", "headers": {"x-region": "eu"}}
        assert (await house.admin.patch(at, json=anew)).status_code == 200
        assert await kept_provider(house) == (evil, providers.Sealed(api_key="sk-theirs", headers={"x-region": "eu"}))
        taken = {"base_url": "https://third.example.com", "api_key": None}
        assert (await house.admin.patch(at, json=taken)).status_code == 200
        assert (await kept_provider(house))[1].api_key is None
        free = await house.admin.patch(at, json={"base_url": "https://fourth.example.com"})
        assert free.status_code == 200, "nothing is kept that could go along"

    run(story)


def test_secret_options_of_a_provider_stay_where_they_were_given_for(run: "Run") -> None:
    async def story(house: House) -> None:
        options = {"region": "eu-west-1", "access_key_id": "AKIA0123", "secret_access_key": "kept-aws-secret"}
        made = await house.admin.post(f"{P}/providers", json={"name": "aws", "kind": "bedrock", "options": options})
        assert made.status_code == 201, made.text
        shown = made.json()["options"]
        assert shown["secret_access_key"] == MASK
        secret = tuple(f"options.{name}" for name, value in shown.items() if value == MASK)
        at, evil = f"{P}/providers/aws", "https://evil.example.com"
        await refused(house, at, {"base_url": evil}, secret)
        await refused(house, at, {"base_url": evil, "options": shown}, secret)
        assert (await house.admin.patch(at, json={"base_url": evil, "options": options})).status_code == 200

    run(story)


def test_what_is_sealed_with_a_lost_key_goes_nowhere_else_either(run: "Run") -> None:
    async def story(house: House) -> None:
        assert (await house.admin.post(f"{P}/providers", json=LAB)).status_code == 201
        lost = "v1.000000000000.AAAA"
        await house.db.write(lambda conn: conn.execute(providers.PROVIDERS.update().values(sealed=lost)))
        at, evil = f"{P}/providers/lab", "https://evil.example.com/v1"
        assert (await house.admin.patch(at, json={"base_url": evil})).status_code == 503
        anew: dict[str, Any] = {"base_url": evil, "api_key": "sk-theirs", "headers": {}}
        assert (await house.admin.patch(at, json=anew)).status_code == 200
        assert await kept_provider(house) == (evil, providers.Sealed(api_key="sk-theirs"))

    run(story)


def test_headers_and_the_signing_secret_of_a_destination_go_to_no_other_address(run: "Run") -> None:
    async def story(house: House) -> None:
        at, evil = f"{P}/forwards/hook", "https://1.0.0.1/hook"
        assert (await house.admin.post(f"{P}/forwards", json=HOOK)).status_code == 201
        both = ("headers.authorization", "secret")
        await refused(house, at, {"url": evil}, both)
        await refused(house, at, {"url": "https://1.1.1.1/theirs"}, both)
        await refused(house, at, {"url": evil, "headers": {"authorization": MASK}}, both)
        await refused(house, at, {"url": evil, "headers": {}}, both[1:])
        await refused(house, at, {"url": evil, "secret": "another-secret-of-hooks"}, both[:1])
        [row] = await house.db.read(forwards.destinations)
        assert row.url == HOOK["url"]
        below = await house.admin.patch(at, json={"url": "https://1.1.1.1:443/hook/closed"})
        assert below.status_code == 200, below.text
        anew = {"url": evil, "headers": {"authorization": "Bearer theirs"}, "secret": "another-secret-of-hooks"}
        assert (await house.admin.patch(at, json=anew)).status_code == 200
        [row] = await house.db.read(forwards.destinations)
        moved = forwards.destination_of(house.box, row)
        assert (moved.url, moved.secrets.headers) == (evil, {"authorization": "Bearer theirs"})

    run(story)


def test_a_password_of_kafka_goes_to_no_other_broker_and_over_no_plainer_protocol(run: "Run") -> None:
    pytest.importorskip("confluent_kafka")

    async def story(house: House) -> None:
        options = {"security.protocol": "SASL_SSL", "sasl.username": "u", "sasl.password": "kept-password"}
        new = {"name": "topic", "kind": "kafka", "url": "kafka://one:9092,two:9092/closed", "options": options}
        made = await house.admin.post(f"{P}/forwards", json=new)
        assert made.status_code == 201, made.text
        at, shown, password = f"{P}/forwards/topic", made.json()["options"], ("options.sasl.password",)
        await refused(house, at, {"url": "kafka://one:9092,evil:9092/closed"}, password)
        await refused(house, at, {"options": {**shown, "security.protocol": "SASL_PLAINTEXT"}}, password)
        await refused(house, at, {"options": {**shown, "enable.ssl.certificate.verification": "false"}}, password)
        assert (await house.admin.patch(at, json={"url": "kafka://two:9092/others"})).status_code == 200
        assert (await house.admin.patch(at, json={"options": {**shown, "linger.ms": "9"}})).status_code == 200
        plainer = {**options, "security.protocol": "SASL_PLAINTEXT"}
        assert (await house.admin.patch(at, json={"options": plainer})).status_code == 200

    run(story)


def test_a_guard_services_secret_is_for_its_address_and_header(run: "Run") -> None:
    async def story(house: House) -> None:
        at, body = f"{P}/guard-services/moderation", {"url": "https://guards.example.com/look", "header": "x-key"}
        assert (await house.admin.put(at, json={**body, "secret": KEY})).status_code == 200
        for change in ({"url": "https://guards.example.com/theirs"}, {"header": "x-other"}):
            await refused(house, at, {**body, **change}, ("secret",), "PUT")
        assert (await house.admin.put(at, json={**body, "url": f"{body['url']}/v2"})).status_code == 200

    run(story)


def test_a_clients_secret_goes_to_no_other_issuer(run: "Run") -> None:
    async def story(house: House) -> None:
        new = {"name": "company", "issuer": "https://login.example.com", "client_id": "c", "client_secret": KEY}
        assert (await house.admin.post("/api/v1/identity-providers", json=new)).status_code == 201
        at, evil = "/api/v1/identity-providers/company", "https://evil.example.com"
        await refused(house, at, {"issuer": evil}, ("client_secret",))
        kept = await house.db.read(lambda conn: sign_in_store.provider(conn, "company"))
        assert kept is not None
        assert kept.issuer == new["issuer"]
        assert (await house.admin.patch(at, json={"issuer": evil, "client_secret": ""})).status_code == 200
        assert (await house.admin.patch(at, json={"issuer": "https://third.example.com"})).status_code == 200

    run(story)
