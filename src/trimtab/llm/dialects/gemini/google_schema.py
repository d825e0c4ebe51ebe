"""A JSON schema as Google follows one, where it may be sent as such (``parametersJsonSchema``, ``responseJsonSchema``).

What Google does not know it ignores, but for these (the reference of ``GenerationConfig.responseJsonSchema``,
https://pub.dev/documentation/googleapis/latest/aiplatform_v1/GoogleCloudAiplatformV1GenerationConfig.html):

- a ``$ref`` stands alone, and leads into ``$defs``: pydantic writes a description beside it, zod its definitions under
  ``definitions``, and others point anywhere (https://github.com/google-gemini/gemini-cli/issues/13326,
  https://github.com/anomalyco/opencode/issues/12295). What it leads to is put in its place, unless that leads back to
  itself;
- ``enum`` is for texts and numbers; ``const`` is none of its words, and ``allOf`` neither;
- what is required is among the properties: https://github.com/probelabs/probe/issues/569;
- lists of objects have no bounds, and those of others few (https://github.com/googleapis/python-genai/issues/2170,
  https://github.com/Open-Historia/open-historia/pull/790): they become words of the description.
"""

from typing import Any, cast
from urllib.parse import unquote

from trimtab.llm.dialects._closed import LISTS, told_in_words
from trimtab.llm.dialects._reading import encode

Schema = dict[str, Any]
_DEEPEST = 60
_MOST_PUT_IN = 256 * 1024
"""Bytes of all that is put in the place of references to it."""
_MOST_ITEMS = 500
"""Of all lists of one schema; Google refuses from some 960 on."""
_IGNORED = (
    "$schema",
    "$defs",
    "definitions",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Left out: what is defined is written down where it is needed, and Google ignores the others."""
_SCALARS = ("string", "integer", "number", "boolean", "null")
_TYPES = ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"))


def google_schema(schema: Schema) -> Schema:
    """What does not fit is put so that Google takes it; what cannot be, as beyond belief nested, stays as it is."""
    return _Writer(schema).root()


class _Writer:
    def __init__(self, schema: Schema) -> None:
        self._whole = schema
        self._left = _MOST_PUT_IN
        self._items = _MOST_ITEMS
        self._sizes: dict[str, int] = {}

    def root(self) -> Schema:
        kept = self.write(self._whole, (), 0)
        found: Schema = {}
        wanted = sorted(_refs(kept))
        while wanted:
            name = wanted.pop()
            inner = self._target(f"#/$defs/{name}")
            if name not in found and inner is not None:
                found[name] = self.write(inner, (f"#/$defs/{name}",), 1)
                wanted += sorted(_refs(found[name]) - set(found))
        return kept | {"$defs": found} if found else kept

    def write(self, schema: Schema, within: tuple[str, ...], depth: int) -> Schema:
        """``within`` are the references that led here."""
        if depth > _DEEPEST:
            return schema
        schema = _merged(schema)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._put_in(schema, _plain(reference), within, depth)
        found: Schema = {}
        for name, value in _without_const(schema).items():
            if name in _IGNORED:
                continue
            if name == "properties" and isinstance(value, dict):
                found[name] = {key: self._inner(each, within, depth) for key, each in _a(value).items()}
            elif name in LISTS and isinstance(value, list):
                found[name] = [self._inner(each, within, depth) for each in cast("list[Any]", value)]
            elif name in ("items", "additionalProperties"):
                found[name] = self._inner(value, within, depth)
            else:
                found[name] = value
        return self._bounded(_required(_plain_enum(found)))

    def _inner(self, value: Any, within: tuple[str, ...], depth: int) -> Any:
        return self.write(_a(value), within, depth + 1) if isinstance(value, dict) else value

    def _put_in(self, schema: Schema, reference: str, within: tuple[str, ...], depth: int) -> Schema:
        target = self._target(reference)
        beside = {name: value for name, value in schema.items() if name != "$ref" and name not in _IGNORED}
        if target is None:  # Google says what is missing
            return {"$ref": reference}
        if reference not in self._sizes:
            self._sizes[reference] = _size(target)
        self._left -= self._sizes[reference]
        if reference in within or self._left < 0:
            return {"$ref": reference} if reference.startswith("#/$defs/") else {"type": "object"}
        written = self.write(target, (*within, reference), depth + 1)
        if "$ref" in written:
            return written
        return written | self._beside(beside, within, depth)

    def _beside(self, beside: Schema, within: tuple[str, ...], depth: int) -> Schema:
        return self.write(beside, within, depth + 1) if beside else {}

    def _target(self, reference: str) -> Schema | None:
        if not reference.startswith("#"):
            return None
        found: Any = self._whole
        for step in reference[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            found = _step(found, name)
        return _a(found) if isinstance(found, dict) else None

    def _bounded(self, schema: Schema) -> Schema:
        bounds = {name: schema[name] for name in ("minItems", "maxItems") if name in schema}
        if not bounds:
            return schema
        most = schema.get("maxItems")
        if _a(schema.get("items")).get("type") in _SCALARS and (not isinstance(most, int) or most <= self._items):
            self._items -= most if isinstance(most, int) else 0
            return schema
        if bounds.get("minItems") in (0, 1):
            bounds.pop("minItems")
        return told_in_words({name: value for name, value in schema.items() if name not in bounds}, bounds)


def _size(schema: Schema) -> int:
    try:
        return len(encode(schema))
    except RecursionError:  # it could just be read
        return _MOST_PUT_IN


def _a(value: Any) -> Schema:
    return cast("Schema", value) if isinstance(value, dict) else {}


def _plain(reference: str) -> str:
    return (
        "#/$defs/" + reference.removeprefix("#/definitions/") if reference.startswith("#/definitions/") else reference
    )


def _step(found: Any, name: str) -> Any:
    if isinstance(found, list):
        items = cast("list[Any]", found)
        return items[int(name)] if name.isdigit() and int(name) < len(items) else None
    known = _a(found)
    return known.get(name) if name != "$defs" or "$defs" in known else known.get("definitions")


def _refs(schema: Any, depth: int = 0) -> set[str]:
    """The names under ``$defs`` that it still leads to."""
    found = set[str]()
    if depth > 2 * _DEEPEST:
        return found
    if isinstance(schema, list):
        return found.union(*(_refs(each, depth + 1) for each in cast("list[Any]", schema)))
    if not isinstance(schema, dict):
        return found
    known = cast("Schema", schema)
    told = known.get("$ref")
    if isinstance(told, str) and told.startswith("#/$defs/"):
        found.add(told.removeprefix("#/$defs/"))
    return found.union(*(_refs(each, depth + 1) for each in known.values()))


def _without_const(schema: Schema) -> Schema:
    if "const" not in schema:
        return schema
    value = schema["const"]
    kind = "null" if value is None else next((name for each, name in _TYPES if isinstance(value, each)), None)
    found = {name: each for name, each in schema.items() if name != "const"}
    if kind is not None:
        found.setdefault("type", kind)
    return found | {"enum": [value]}


def _merged(schema: Schema) -> Schema:
    """``allOf`` of one schema is that schema: so do pydantic and others put words beside a reference."""
    every = schema.get("allOf")
    if not isinstance(every, list) or len(cast("list[Any]", every)) != 1 or not isinstance(every[0], dict):
        return schema
    only = cast("Schema", every[0])
    return only | {name: value for name, value in schema.items() if name != "allOf"}


def _plain_enum(schema: Schema) -> Schema:
    """Texts and numbers alone. A null among them is a choice of its own; what else is told in words."""
    values = schema.get("enum")
    if not isinstance(values, list):
        return schema
    given = cast("list[Any]", values)
    plain = [each for each in given if isinstance(each, str | int | float) and not isinstance(each, bool)]
    if len(plain) == len(given):
        return schema
    rest = {name: value for name, value in schema.items() if name != "enum"}
    if not plain or len(plain) + given.count(None) != len(given):
        return rest if given == [None] else told_in_words(rest, {"enum": given})
    kind = schema.get("type")
    kinds = (
        [each for each in cast("list[Any]", kind) if each != "null"] if isinstance(kind, list) else [kind or "string"]
    )
    said = {name: value for name, value in rest.items() if name in ("title", "description", "default")}
    chosen: Schema = {name: value for name, value in rest.items() if name not in said}
    chosen |= {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": plain}
    return said | {"anyOf": [chosen, {"type": "null"}]}


def _required(schema: Schema) -> Schema:
    wanted, members = schema.get("required"), schema.get("properties")
    if not isinstance(wanted, list) or not isinstance(members, dict):
        return schema
    known = [name for name in cast("list[Any]", wanted) if name in members]
    if len(known) == len(cast("list[Any]", wanted)):
        return schema
    rest = {name: value for name, value in schema.items() if name != "required"}
    return rest | {"required": known} if known else rest
