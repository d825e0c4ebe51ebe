"""What a User and a Group are here (RFC 7643, sections 4 to 7), and how a client's JSON becomes one of ours. Pure.

Attribute names are of any case on the wire (section 2.1) and in the RFC's spelling afterwards. Attributes that are not
named here are let go without a word, as section 3.3 of RFC 7644 allows: providers send all they have.
"""

from typing import Any, Final, Literal, cast

from msgspec import Struct

from trimtab.core.errors import InvalidRequest

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LONGEST: Final = 1_000
"""Characters of a value."""
MOST_VALUES: Final = 20_000
"""Values of an attribute that has many."""

Type = Literal["string", "boolean", "complex", "reference", "dateTime"]
Mutability = Literal["readWrite", "readOnly", "immutable"]


class Attribute(Struct, frozen=True, kw_only=True):
    name: str
    about: str = ""
    type: Type = "string"
    many: bool = False
    required: bool = False
    exact: bool = False
    """Whether case counts where it is compared."""
    mutability: Mutability = "readWrite"
    unique: bool = False
    parts: tuple["Attribute", ...] = ()
    refers: tuple[str, ...] = ()
    """The kinds of resources that a reference is to."""
    values: tuple[str, ...] = ()
    """Those it takes, where they are few."""

    def part(self, name: str) -> "Attribute | None":
        return named(self.parts, name)


class Schema(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    about: str
    attributes: tuple[Attribute, ...]


class Kind(Struct, frozen=True, kw_only=True):
    """A type of resource: its own schema, and the one that extends it."""

    name: str
    path: str
    schema: Schema
    extension: Schema | None = None

    def attribute(self, schema: str, name: str) -> Attribute | None:
        """By its schema's URN (empty: the kind's own) and its name; None for what is not kept here."""
        if self.extension is not None and schema.lower() == self.extension.id.lower():
            return named(self.extension.attributes, name)
        if schema and schema.lower() != self.schema.id.lower():
            return None
        return named((*_COMMON, *self.schema.attributes), name)


def named(attributes: tuple[Attribute, ...], name: str) -> Attribute | None:
    lower = name.lower()
    return next((each for each in attributes if each.name.lower() == lower), None)


_COMMON: Final = (
    Attribute(name="id", about="Ours, for good.", exact=True, mutability="readOnly"),
    Attribute(name="externalId", about="What the provider calls it.", exact=True),
    Attribute(
        name="meta",
        type="complex",
        mutability="readOnly",
        parts=(
            Attribute(name="resourceType", exact=True, mutability="readOnly"),
            Attribute(name="created", type="dateTime", mutability="readOnly"),
            Attribute(name="lastModified", type="dateTime", mutability="readOnly"),
            Attribute(name="location", type="reference", exact=True, mutability="readOnly"),
            Attribute(name="version", exact=True, mutability="readOnly"),
        ),
    ),
)
_USER: Final = Schema(
    id=USER,
    name="User",
    about="A person who signs in",
    attributes=(
        Attribute(name="userName", about="How the provider names them, once.", required=True, unique=True),
        Attribute(
            name="name",
            about="The parts of their name.",
            type="complex",
            parts=tuple(
                Attribute(name=each)
                for each in (
                    "formatted",
                    "familyName",
                    "givenName",
                    "middleName",
                    "honorificPrefix",
                    "honorificSuffix",
                )
            ),
        ),
        Attribute(name="displayName", about="What they are called here."),
        Attribute(name="title", about="Their position."),
        Attribute(name="userType"),
        Attribute(name="preferredLanguage"),
        Attribute(name="locale"),
        Attribute(name="timezone"),
        Attribute(name="active", about="Whether they are let in.", type="boolean"),
        Attribute(
            name="emails",
            about="Addresses; the primary one is that of sign-in.",
            type="complex",
            many=True,
            parts=(
                Attribute(name="value"),
                Attribute(name="display"),
                Attribute(name="type"),
                Attribute(name="primary", type="boolean"),
            ),
        ),
        Attribute(
            name="groups",
            about="The groups they are in; changed by way of the groups.",
            type="complex",
            many=True,
            mutability="readOnly",
            parts=(
                Attribute(name="value", exact=True, mutability="readOnly"),
                Attribute(name="$ref", type="reference", exact=True, mutability="readOnly", refers=("Group",)),
                Attribute(name="display", mutability="readOnly"),
                Attribute(name="type", mutability="readOnly"),
            ),
        ),
    ),
)
_ENTERPRISE: Final = Schema(
    id=ENTERPRISE,
    name="EnterpriseUser",
    about="Where a person belongs in the enterprise",
    attributes=(
        *(
            Attribute(name=each)
            for each in ("employeeNumber", "costCenter", "organization", "division", "department")
        ),
        Attribute(
            name="manager",
            type="complex",
            parts=(
                Attribute(name="value", exact=True),
                Attribute(name="$ref", type="reference", exact=True, refers=("User",)),
                Attribute(name="displayName"),
            ),
        ),
    ),
)  # fmt: skip
_GROUP: Final = Schema(
    id=GROUP,
    name="Group",
    about="People who are given the same roles",
    attributes=(
        Attribute(name="displayName", about="What roles are given by.", required=True),
        Attribute(
            name="members",
            about="People of this directory; groups in groups are not taken.",
            type="complex",
            many=True,
            parts=(
                Attribute(name="value", exact=True, mutability="immutable"),
                Attribute(name="$ref", type="reference", exact=True, mutability="immutable", refers=("User",)),
                Attribute(name="type", mutability="immutable", values=("User",)),
            ),
        ),
    ),
)
USERS: Final = Kind(name="User", path="Users", schema=_USER, extension=_ENTERPRISE)
GROUPS: Final = Kind(name="Group", path="Groups", schema=_GROUP)
KINDS: Final = (USERS, GROUPS)
SCHEMAS: Final = (_USER, _GROUP, _ENTERPRISE)


def invalid(message: str, code: str = "invalidValue", fix: str = "") -> InvalidRequest:
    """An error whose code is one of SCIM's own words for it (RFC 7644, table 9)."""
    return InvalidRequest(message, code=code, fix=fix)


def cleaned(kind: Kind, body: Any) -> dict[str, Any]:
    """A client's resource with what is kept of it, in our spelling. Raises `InvalidRequest` for values of a wrong
    type."""
    if not isinstance(body, dict):
        raise invalid("A resource is a JSON object.", "invalidSyntax")
    kept: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", body).items():
        if kind.extension is not None and name.lower() == kind.extension.id.lower():
            inner = _extension(kind.extension, value)
            if inner:
                kept[kind.extension.id] = inner
            continue
        attribute = kind.attribute("", name)
        if attribute is None or attribute.mutability == "readOnly":
            continue
        found = value_of(attribute, value)
        if found is not None:
            kept[attribute.name] = found
    return kept


def _extension(schema: Schema, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{schema.id} is an object.")
    kept: dict[str, Any] = {}
    for name, each in cast("dict[str, Any]", value).items():
        attribute = named(schema.attributes, name)
        found = None if attribute is None else value_of(attribute, each)
        if attribute is not None and found is not None:
            kept[attribute.name] = found
    return kept


def value_of(attribute: Attribute, value: Any) -> Any:
    """A value as it is kept; None for none: null, nothing, an empty list (RFC 7643, section 2.5)."""
    if value is None or value == "" or value == []:
        return None
    if attribute.many:
        items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
        if len(items) > MOST_VALUES:
            raise invalid(f"{attribute.name!r} takes at most {MOST_VALUES} values at a time.", "tooMany")
        found = [_one(attribute, each) for each in items]
        return [each for each in found if each is not None] or None
    if isinstance(value, list) and attribute.type != "complex":
        return _unwrapped(attribute, cast("list[Any]", value))
    return _one(attribute, value)


def _unwrapped(attribute: Attribute, value: list[Any]) -> Any:
    """Entra ID wraps single values now and then: ``[{"value": "x"}]``."""
    only = value[0] if len(value) == 1 else None
    if isinstance(only, dict):
        return value_of(attribute, cast("dict[str, Any]", only).get("value"))
    if only is not None and not isinstance(only, list):
        return _one(attribute, only)
    raise invalid(f"{attribute.name!r} takes one value.")


def _one(attribute: Attribute, value: Any) -> Any:
    if attribute.type == "complex":
        return _complex(attribute, value)
    if attribute.type == "boolean":
        return _boolean(attribute, value)
    if isinstance(value, bool | dict | list):
        raise invalid(f"{attribute.name!r} takes text.")
    text = str(value)
    if len(text) > LONGEST or "\0" in text:
        raise invalid(f"{attribute.name!r} takes at most {LONGEST} characters, and no NUL.")
    return text.strip() or None


def _boolean(attribute: Attribute, value: Any) -> bool:
    """Entra ID writes ``"False"`` for false, unless it is told not to."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise invalid(f"{attribute.name!r} is true or false.")


def _complex(attribute: Attribute, value: Any) -> dict[str, Any] | None:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if len(items) != 1:
            raise invalid(f"{attribute.name!r} takes one value.")
        value = items[0]
    if isinstance(value, str) and attribute.part("value") is not None:
        value = {"value": value}
    if not isinstance(value, dict):
        raise invalid(f"{attribute.name!r} is an object.")
    kept: dict[str, Any] = {}
    for name, each in cast("dict[str, Any]", value).items():
        part = attribute.part(name)
        found = None if part is None else value_of(part, each)
        if part is not None and found is not None:
            kept[part.name] = found
    return kept or None


def described(schema: Schema) -> dict[str, Any]:
    """A schema as ``/Schemas`` shows it (RFC 7643, section 7)."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.about,
        "attributes": [_described(each) for each in schema.attributes],
    }


def _described(attribute: Attribute) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.many,
        "description": attribute.about or attribute.name,
        "required": attribute.required,
        "mutability": attribute.mutability,
        "returned": "default",
    }
    if attribute.type == "complex":
        told["subAttributes"] = [_described(each) for each in attribute.parts]
    elif attribute.type in ("string", "reference"):
        told["caseExact"] = attribute.exact
        told["uniqueness"] = "server" if attribute.unique else "none"
    if attribute.type == "reference":
        told["referenceTypes"] = list(attribute.refers) or ["uri"]
    if attribute.values:
        told["canonicalValues"] = list(attribute.values)
    return told
