"""What people replace in the catalog, one of each kind: where, how, and two things that they may say of it."""

from typing import Any

from house import House
from msgspec import Struct

PROJECT = "/api/v1/projects/default"
LAB = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
FAST = {"name": "fast", "provider": "lab", "upstream": "small"}
LIMIT = {"measure": "requests", "bound": "60", "window": "minute"}
TREE = {"node": "fallback", "of": ["fast"]}


class Thing(Struct, frozen=True, kw_only=True):
    """What is replaced: where, how, and two things that people may say of it. ``listed``: how it is found again.
    ``single``: there is one of it, which is read where it is put; ``stays``: it is always there. ``away`` is where it
    is removed, if that is elsewhere; ``counts``: saying the same again is a change of it, too."""

    name: str
    at: str
    verb: str
    one: dict[str, Any]
    other: dict[str, Any]
    make: tuple[str, dict[str, Any]] | None = None
    pages: str = ""
    single: bool = False
    stays: bool = False
    away: str = ""
    counts: bool = False

    @property
    def listed(self) -> str:
        return self.pages or self.at.rpartition("/")[0]


ORGANISATION = "/api/v1/organisations/default"
ROLES = f"{ORGANISATION}/roles"
PROVIDERS = "/api/v1/identity-providers"
COMPANY = {"name": "company", "issuer": "https://login.example.com", "client_id": "trimtab"}
HOOK = {"name": "hook", "kind": "webhook", "url": "https://1.1.1.1/hook", "secret": "only-for-this-test"}
PERMIT = "permit(principal, action, resource);"
FORBID = 'forbid(principal, action == Action::"call_tool", resource);'
THINGS = (
    Thing(
        name="provider", at=f"{PROJECT}/providers/lab", verb="PATCH", make=(f"{PROJECT}/providers", LAB),
        one={"headers": {"x-team": "one"}}, other={"headers": {"x-team": "other"}}, counts=True,
    ),
    Thing(
        name="model", at=f"{PROJECT}/models/fast", verb="PATCH", make=(f"{PROJECT}/models", FAST),
        one={"upstream": "one"}, other={"upstream": "other"},
    ),
    Thing(
        name="limit", at=f"{PROJECT}/limits/fair", verb="PUT", make=(f"{PROJECT}/limits", {**LIMIT, "name": "fair"}),
        one={**LIMIT, "bound": "61"}, other={**LIMIT, "bound": "62"},
    ),
    Thing(
        name="route", at=f"{PROJECT}/routes/smart", verb="PATCH",
        make=(f"{PROJECT}/routes", {"name": "smart", "tree": TREE}), one={"about": "one"}, other={"about": "other"},
        counts=True,
    ),
    Thing(
        name="call policy", at=f"{PROJECT}/policies/fast", verb="PUT",
        one={"cache": {"ttl_s": 60}}, other={"cache": {"ttl_s": 70}},
    ),
    Thing(
        name="guard service", at=f"{PROJECT}/guard-services/look", verb="PUT",
        one={"url": "http://127.0.0.1:9/one"}, other={"url": "http://127.0.0.1:9/other"},
    ),
    Thing(
        name="model resilience", at=f"{PROJECT}/models/fast/resilience", verb="PUT", pages=f"{PROJECT}/resilience",
        one={"attempts": 2}, other={"attempts": 3},
    ),
    Thing(
        name="provider resilience", at=f"{PROJECT}/providers/lab/resilience", verb="PUT",
        pages=f"{PROJECT}/resilience", one={"attempts": 2}, other={"attempts": 3},
    ),
    Thing(
        name="role", at=f"{ROLES}/writer", verb="PUT",
        make=(ROLES, {"name": "writer", "permissions": ["prompt:read"]}),
        one={"permissions": ["prompt:read", "prompt:write"]}, other={"permissions": ["trace:read"]},
    ),
    Thing(
        name="directory", at=f"{ORGANISATION}/directory", verb="PUT", single=True,
        one={"label": "one"}, other={"label": "other"},
    ),
    Thing(
        name="list of domains", at=f"{ORGANISATION}/domains", verb="PUT", single=True, stays=True,
        one={"domains": ["one.example"]}, other={"domains": ["other.example"]},
    ),
    Thing(
        name="list of data classes", at=f"{PROJECT}/data-classes", verb="PUT", single=True, stays=True,
        one={"classes": ["public", "one"]}, other={"classes": ["public", "other"]},
    ),
    Thing(
        name="data terms of provider", at=f"{PROJECT}/providers/lab/data-terms", verb="PUT",
        pages=f"{PROJECT}/data-terms", one={"region": "eu"}, other={"region": "us"},
    ),
    Thing(
        name="data terms of model", at=f"{PROJECT}/models/fast/data-terms", verb="PUT",
        pages=f"{PROJECT}/data-terms", one={"region": "eu"}, other={"region": "us"},
    ),
    Thing(
        name="set of policies", at=f"{PROJECT}/access-policies/mine", verb="PUT",
        one={"text": PERMIT}, other={"text": FORBID},
    ),
    Thing(
        name="currency", at=f"{PROJECT}/currency", verb="PATCH", one={"code": "EUR", "rate": "0.9"},
        other={"code": "CHF", "rate": "0.8"}, single=True, stays=True,
    ),
    Thing(
        name="retention", at=f"{PROJECT}/retention", verb="PUT", single=True, stays=True,
        one={"content": 30}, other={"content": 60},
    ),
    Thing(
        name="choice of detectors", at=f"{PROJECT}/detectors", verb="PUT", single=True, stays=True,
        one={"off": ["refusal"]}, other={"off": ["truncated"]},
    ),
    Thing(
        name="forward", at=f"{PROJECT}/forwards/hook", verb="PATCH", make=(f"{PROJECT}/forwards", HOOK),
        one={"sample": 0.5}, other={"sample": 0.25}, counts=True,
    ),
    Thing(
        name="identity provider", at=f"{PROVIDERS}/company", verb="PATCH", make=(PROVIDERS, COMPANY),
        one={"label": "One"}, other={"label": "Other"},
    ),
    Thing(
        name="guard refusal default", at=f"{PROJECT}/guard-refusals", verb="PUT", pages=f"{PROJECT}/guard-refusals",
        one={"text": "No."}, other={"text": "No, thank you."},
    ),
    Thing(
        name="project", at=PROJECT, verb="PATCH", single=True, stays=True,
        one={"name": "One"}, other={"name": "Other"},
    ),
    Thing(
        name="organisation", at=ORGANISATION, verb="PATCH", single=True, stays=True,
        one={"name": "One"}, other={"name": "Other"},
    ),
    Thing(
        name="dashboard", at=f"{PROJECT}/dashboards/default", verb="PUT", single=True, counts=True,
        one={"name": "Overview", "about": "one"}, other={"name": "Overview", "about": "other"},
    ),
)  # fmt: skip


async def furnished(house: House) -> None:
    for where, body in ((f"{PROJECT}/providers", LAB), (f"{PROJECT}/models", FAST)):
        made = await house.admin.post(where, json=body)
        assert made.status_code in (201, 409), made.text


async def made(house: House, thing: Thing) -> int:
    """It is there; its revision, which is the first."""
    await furnished(house)
    if thing.make is not None:
        where, body = thing.make
        answer = await house.admin.post(where, json=body)
        assert answer.status_code in (201, 409), answer.text
    elif not thing.stays:
        answer = await house.admin.put(thing.at, json={**thing.one, "expected_revision": 0})
        assert answer.status_code == 200, answer.text
    return await revision_of(house, thing)


async def found(house: House, thing: Thing) -> dict[str, Any] | None:
    if thing.single:
        answer = await house.admin.get(thing.at)
        return answer.json() if answer.status_code == 200 else None
    items = (await house.admin.get(thing.listed)).json()["items"]
    parts, words = thing.at.split("/"), thing.name.split()
    mine = [each for each in items if each["name"] in (*parts, words[-1]) and each.get("subject", words[0]) in words]
    return mine[0] if mine else None


async def revision_of(house: House, thing: Thing) -> int:
    item = await found(house, thing)
    assert item is not None
    return item["revision"]
