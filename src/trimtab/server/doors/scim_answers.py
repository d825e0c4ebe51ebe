"""What the door for identity providers answers with: resources as they were asked for, errors, and what it says of
itself (RFC 7644, sections 3.4.2, 3.9, 3.12 and 4)."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import NotFound, TrimtabError
from trimtab.governance.scim.asked import Asked
from trimtab.governance.scim.schemas import GROUPS, KINDS, SCHEMAS, USERS, Kind
from trimtab.governance.scim.schemas import described as described_schema

MEDIA_TYPE: Final = "application/scim+json"
MOST: Final = 500
"""Resources of a page."""
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_TYPES: Final = frozenset(
    ("invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue")
)
"""What ``scimType`` may say (RFC 7644, table 9)."""
_ALWAYS: Final = ("schemas", "id", "meta")


class Reply(Struct, frozen=True, kw_only=True):
    status: int = 200
    body: dict[str, Any] | None = None


def page(resources: list[dict[str, Any]], total: int, start: int) -> dict[str, Any]:
    """A page of a list; ``start`` counts from 1."""
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def shown(resource: Any, kind: Kind, base: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """The resource with its address, and of its attributes those that were asked for (RFC 7644, section 3.9)."""
    location = f"{base}/{kind.path}/{resource['id']}"
    told: dict[str, Any] = {**resource, "meta": {**resource["meta"], "location": location}}
    for name, other in (("groups", GROUPS), ("members", USERS)):
        if name in resource:
            told[name] = [{**each, "$ref": f"{base}/{other.path}/{each['value']}"} for each in resource[name]]
    wanted, unwanted = _names(asked.get("attributes", ""), kind), _names(asked.get("excludedAttributes", ""), kind)
    if wanted:
        return {
            name: _part(value, wanted[lower]) if (lower := name.lower()) in wanted else value
            for name, value in told.items()
            if name in _ALWAYS or name.lower() in wanted
        }
    return {
        name: _without(value, unwanted[lower]) if (lower := name.lower()) in unwanted else value
        for name, value in told.items()
        if name in _ALWAYS or unwanted.get(name.lower()) != set()
    }


def asked_for(kind: Kind, asked: Mapping[str, str]) -> Asked:
    """What must be looked up to answer."""
    if kind is not GROUPS:
        return Asked()
    wanted, unwanted = _names(asked.get("attributes", ""), kind), _names(asked.get("excludedAttributes", ""), kind)
    return Asked(members="members" in wanted if wanted else unwanted.get("members") != set())


def _names(text: str, kind: Kind) -> dict[str, set[str]]:
    """By attribute in lower case: the parts that are named, none for the whole."""
    found: dict[str, set[str]] = {}
    for each in text.split(","):
        name, part = _named(each.strip().lower(), kind)
        if name:
            found.setdefault(name, set()).update((part,) if part else ())
    return found


def _named(text: str, kind: Kind) -> tuple[str, str]:
    text = text.removeprefix(kind.schema.id.lower() + ":")
    extension = "" if kind.extension is None else kind.extension.id.lower()
    if extension and text.startswith(extension):
        return extension, text[len(extension) + 1 :].partition(".")[0]
    name, _, part = text.partition(".")
    return name, part


def _part(value: Any, parts: set[str]) -> Any:
    if not parts:
        return value
    if isinstance(value, list):
        return [_part(each, parts) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: each for name, each in cast("dict[str, Any]", value).items() if name.lower() in parts}
    return value


def _without(value: Any, parts: set[str]) -> Any:
    if isinstance(value, list):
        return [_without(each, parts) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: each for name, each in cast("dict[str, Any]", value).items() if name.lower() not in parts}
    return value


def error_body(error: TrimtabError) -> dict[str, Any]:
    """An error in SCIM's shape (RFC 7644, section 3.12)."""
    told = f"{error.message} {error.fix}".strip()
    body: dict[str, Any] = {"schemas": [ERROR], "status": str(error.status), "detail": told}
    if error.code in _TYPES:
        body["scimType"] = error.code
    return body


async def send_reply(send: Any, reply: Reply, extra: Mapping[str, str]) -> None:
    body = b"" if reply.body is None else msgspec.json.encode(reply.body)
    told = {"content-length": str(len(body)), "cache-control": "no-store", "x-content-type-options": "nosniff", **extra}
    if reply.body is not None:
        told["content-type"] = MEDIA_TYPE
        meta = reply.body.get("meta", {})
        if "version" in meta:
            told["etag"] = meta["version"]
        if reply.status == 201:
            told["location"] = meta["location"]
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def described(base: str, path: tuple[str, ...]) -> dict[str, Any]:
    """What the door says of itself (RFC 7644, section 4): its abilities, kinds of resources and their schemas. Raises
    `NotFound`."""
    what = path[0].lower()
    if what == "serviceproviderconfig":
        return _config(base)
    if what == "schemas":
        place, kind, known = "Schemas", "Schema", [described_schema(each) for each in SCHEMAS]
    else:
        place, kind, known = "ResourceTypes", "ResourceType", [_resource_type(each) for each in KINDS]
    for each in known:
        each["meta"] = {"resourceType": kind, "location": f"{base}/{place}/{each['id']}"}
    if len(path) == 1:
        total = len(known)
        return {"schemas": [LIST], "totalResults": total, "startIndex": 1, "itemsPerPage": total, "Resources": known}
    wanted = "/".join(path[1:]).lower()
    for each in known:
        if each["id"].lower() == wanted:
            return each
    raise NotFound(f"There is no {wanted[:100]!r} among the {place}.", fix=f"GET /{place} lists them.")


def _resource_type(kind: Kind) -> dict[str, Any]:
    told: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": kind.name,
        "name": kind.name,
        "description": kind.schema.about,
        "endpoint": f"/{kind.path}",
        "schema": kind.schema.id,
    }
    if kind.extension is not None:
        told["schemaExtensions"] = [{"schema": kind.extension.id, "required": False}]
    return told


def _config(base: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Token of a directory",
                "description": "Authorization: Bearer, with a token made under the organisation's directory",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }
