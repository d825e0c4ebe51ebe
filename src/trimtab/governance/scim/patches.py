"""PATCH: RFC 7644, section 3.5.2, with what Okta and Entra ID send beyond it. Pure.

Entra ID writes operations with capitals, booleans as texts, dotted names and URNs as keys of a value without a path,
members to remove in the value instead of in a filter, and expects ``emails[type eq "work"].value`` to make the value
where there is none (https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
and its page on known compliance issues). Okta sends ``replace`` without a path, with the ``id`` in the value.
"""

import copy
from typing import Any, Final, cast

from trimtab.governance.scim.filters import Target, equal_to, got, implied, matches_value, parse_target, terms
from trimtab.governance.scim.schemas import Attribute, Kind, invalid, value_of

MOST: Final = 1_000
"""Operations of one request."""
MOST_LOOKS: Final = 30_000_000
"""What the operations of one request may cost together, in looks at a value: some seconds of a catalog's writer."""
_PART, _TERM = 10, 50
"""Looks that it takes to change a part of each value, and to judge a term of a filter over one."""
_NOT_OURS: Final = ("id", "schemas", "meta")


def patched(kind: Kind, resource: dict[str, Any], body: Any) -> dict[str, Any]:
    """The resource after the operations of a PATCH request. Raises `InvalidRequest` with SCIM's own code; then none of
    them counts."""
    made = copy.deepcopy(resource)
    operations = got(cast("dict[str, Any]", body), "Operations") if isinstance(body, dict) else None
    if not isinstance(operations, list) or not operations:
        raise invalid("'Operations' is a list of at least one operation.", "invalidSyntax")
    items = cast("list[Any]", operations)
    if len(items) > MOST:
        raise invalid(f"A request takes at most {MOST} operations.", "tooMany")
    if not all(isinstance(each, dict) for each in items):
        raise invalid("An operation is an object.", "invalidSyntax")
    _bound(kind, resource, cast("list[dict[str, Any]]", items))
    for each in items:
        _operate(kind, made, each)
    return made


def _bound(kind: Kind, resource: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    """Each operation goes through all values that are there."""
    many = max((len(cast("list[Any]", each)) for each in resource.values() if isinstance(each, list)), default=0)
    looks = 0
    for each in operations:
        path, value = got(each, "path"), got(each, "value")
        many += len(cast("list[Any]", value)) if isinstance(value, list) else 1
        target = parse_target(path, kind) if isinstance(path, str) and path else None
        if target is None or (target.which is None and not target.path.part):
            looks += many
        elif target.which is None or equal_to(target.which, "value") is not None:
            looks += many * (_PART if target.path.part else 1)
        else:
            looks += many * _TERM * terms(target.which)
    if looks > MOST_LOOKS:
        raise invalid(
            f"These operations are too much for one request, over up to {many} values.",
            "tooMany",
            "Send fewer at a time, and name a value by its id: members[value eq ...].",
        )


def _operate(kind: Kind, made: dict[str, Any], operation: dict[str, Any]) -> None:
    op = got(operation, "op")
    op = op.lower() if isinstance(op, str) else ""
    if op not in ("add", "replace", "remove"):
        raise invalid("'op' is one of add, replace and remove.", "invalidSyntax")
    path, value = got(operation, "path"), got(operation, "value")
    if path is not None and not isinstance(path, str):
        raise invalid("'path' is text.", "invalidPath")
    if path:
        _at(kind, made, op, parse_target(path, kind), value)
    elif op == "remove":
        raise invalid("'remove' needs a path.", "noTarget")
    elif isinstance(value, dict):
        _each(kind, made, op, cast("dict[str, Any]", value))
    else:
        raise invalid("Without a path the value is an object of attributes.", "invalidValue")


def _each(kind: Kind, made: dict[str, Any], op: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name.lower() not in _NOT_OURS and "://" not in name:  # as other schemas than ours are named
            _at(kind, made, op, parse_target(name, kind), value)


def _at(kind: Kind, made: dict[str, Any], op: str, target: Target, value: Any) -> None:
    path = target.path
    if not path.name:
        _whole_extension(kind, made, op, path.schema, value)
        return
    attribute = kind.attribute(path.schema, path.name)
    if attribute is None:
        return
    if attribute.mutability == "readOnly":
        raise invalid(f"{attribute.name!r} cannot be changed by a client.", "mutability")
    part = attribute.part(path.part) if path.part else None
    if path.part and part is None:
        return
    extended = kind.extension is not None and path.schema.lower() == kind.extension.id.lower()
    held = made
    if extended and kind.extension is not None:
        held = cast("dict[str, Any]", made.setdefault(kind.extension.id, {}))
    if attribute.many:
        _many(kind, held, op, target, attribute, value)
    elif attribute.parts:
        _complex(held, op, attribute, part, value)
    else:
        _put(held, attribute.name, None if op == "remove" else value_of(attribute, value))
    if extended and kind.extension is not None and not held:
        del made[kind.extension.id]


def _whole_extension(kind: Kind, made: dict[str, Any], op: str, schema: str, value: Any) -> None:
    if op == "remove":
        made.pop(schema, None)
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            _at(kind, made, op, parse_target(f"{schema}:{name}", kind), each)
    else:
        raise invalid(f"The value of {schema} is an object.")


def _put(held: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        held.pop(name, None)
    else:
        held[name] = value


def _complex(held: dict[str, Any], op: str, attribute: Attribute, part: Attribute | None, value: Any) -> None:
    """Parts that are not named stay as they were (section 3.5.2.3)."""
    inner: dict[str, Any] = dict(held.get(attribute.name) or {})
    if part is not None:
        _put(inner, part.name, None if op == "remove" else value_of(part, value))
    elif op == "remove":
        inner = {}
    else:
        inner |= value_of(attribute, value) or {}
        if value in (None, "", []):
            inner = {}
    _put(held, attribute.name, inner or None)


def _many(kind: Kind, held: dict[str, Any], op: str, target: Target, attribute: Attribute, value: Any) -> None:
    items: list[dict[str, Any]] = list(held.get(attribute.name) or [])
    part = attribute.part(target.path.part) if target.path.part else None
    if target.which is None and part is None:
        items = _all(items, op, attribute, value)
    elif target.which is None:
        items = _parts(items or [{}], set(range(max(1, len(items)))), op, cast("Attribute", part), value)
    else:
        which = target.which
        named = equal_to(which, "value")  # groups are long, and this is what providers send: looked at first
        near = None if named is None else named.lower()
        chosen = {
            at
            for at, each in enumerate(items)
            if (near is None or each.get("value", "").lower() == near) and matches_value(which, each, kind, target.path)
        }
        if not chosen and op != "remove":
            items.append(_made_of(target, attribute))
            chosen = {len(items) - 1}
        if part is not None:
            items = _parts(items, chosen, op, part, value)
        elif op == "remove":
            items = [each for at, each in enumerate(items) if at not in chosen]
        else:
            new = cast("list[dict[str, Any]]", value_of(attribute, value) or [{}])
            items = _one_primary([{**each, **new[0]} if at in chosen else each for at, each in enumerate(items)], new)
    _put(held, attribute.name, [each for each in items if each] or None)


def _made_of(target: Target, attribute: Attribute) -> dict[str, Any]:
    """A value for which the filter holds."""
    parts = None if target.which is None else implied(target.which)
    if parts is None:
        raise invalid(f"No value of {attribute.name!r} fits the filter of the path.", "noTarget")
    made: dict[str, Any] = {}
    for name, value in parts.items():
        part = attribute.part(name)
        if part is not None:
            _put(made, part.name, value_of(part, value))
    return made


def _parts(items: list[dict[str, Any]], chosen: set[int], op: str, part: Attribute, value: Any) -> list[dict[str, Any]]:
    found = None if op == "remove" else value_of(part, value)
    made: list[dict[str, Any]] = []
    for at, each in enumerate(items):
        own = dict(each)
        if at in chosen:
            _put(own, part.name, found)
        made.append(own)
    # A value that has lost its value, such as an address set to nothing, is none any more.
    return [each for at, each in enumerate(made) if at not in chosen or part.name != "value" or "value" in each]


def _all(items: list[dict[str, Any]], op: str, attribute: Attribute, value: Any) -> list[dict[str, Any]]:
    new: list[dict[str, Any]] = value_of(attribute, value) or []
    if op == "replace":
        return _once(new)
    if op == "remove":
        if value in (None, "", []):
            return []
        gone = {each.get("value") for each in new}
        return [each for each in items if each.get("value") not in gone]
    fresh = {_mark(each): each for each in _once(new)}
    kept = [{**each, **fresh.pop(mark)} if (mark := _mark(each)) in fresh else each for each in items]
    return _one_primary([*kept, *fresh.values()], new)


def _mark(value: dict[str, Any]) -> tuple[Any, Any]:
    return value.get("value"), value.get("type")


def _once(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is there already is not added again (section 3.5.2.1)."""
    kept: dict[tuple[Any, Any], dict[str, Any]] = {}
    for each in items:
        mark = _mark(each)
        kept[mark] = {**kept.get(mark, {}), **each}
    return list(kept.values())


def _one_primary(items: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A value that is made the primary one takes that from the others (RFC 7643, section 2.4)."""
    first = next((each.get("value") for each in new if each.get("primary") is True), None)
    if first is None:
        return items
    return [
        {**each, "primary": False} if each.get("primary") is True and each.get("value") != first else each
        for each in items
    ]
