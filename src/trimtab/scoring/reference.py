"""The reference page of the scorers, from the plugs themselves:

python -m trimtab.scoring.reference > docs/reference/scorers.md
"""

import sys
from typing import Any

import msgspec

from trimtab.scoring.catalog import ScorerEntry, entries

_VALUES = {"share": "within 0 and 1", "number": "a number", "label": "a word"}


def page() -> str:
    """The page, as Markdown."""
    found = entries()
    lines = [
        "# Scorers, one by one",
        "",
        "Made from the plugs by `make docs`. What they are and how they are used: [scorers](../scorers.md).",
        "",
        "| scorer | says | value | asks |",
        "|---|---|---|---|",
        *(f"| [`{each.name}`](#{each.name}) | {each.about} | {_value(each)} | {_asks(each)} |" for each in found),
    ]
    for each in found:
        lines += ["", *_section(each)]
    return "\n".join(lines) + "\n"


def _section(found: ScorerEntry) -> list[str]:
    needs = ", ".join(f"`{name}`" for name in found.needs) or "see its options"
    lines = [f"## {found.name}", "", f"{found.about} Needs: {needs}. Version {found.version}."]
    if about := found.options.get("description"):
        lines += ["", " ".join(str(about).replace("``", "`").split())]
    properties: dict[str, Any] = found.options.get("properties", {})
    if not properties:
        return lines
    others: dict[str, Any] = found.options.get("$defs", {})
    lines += ["", "| option | type | default |", "|---|---|---|"]
    lines += [f"| `{name}` | {_type(schema, others)} | {_default(schema)} |" for name, schema in properties.items()]
    return lines


def _value(found: ScorerEntry) -> str:
    better = "" if found.better is None or found.kind == "share" else f", {found.better} is better"
    return f"{_VALUES[found.kind]}{better}"


def _asks(found: ScorerEntry) -> str:
    return "a model" if found.source == "llm" else "nobody"


def _type(schema: dict[str, Any], others: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return ", ".join(f"`{each}`" for each in others.get(name, {}).get("properties", {})) or name
    if "enum" in schema:
        return ", ".join(f"`{msgspec.json.encode(each).decode()}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each, others) for each in schema["anyOf"])
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        return f"list of {_type(schema['items'], others)}"
    bounds = [f"{word} {schema[key]:g}" for key, word in _BOUNDS if key in schema]
    return " ".join([str(schema.get("type", "any JSON")), *bounds])


_BOUNDS = (
    ("minimum", "from"),
    ("exclusiveMinimum", "above"),
    ("maximum", "to"),
    ("exclusiveMaximum", "below"),
)


def _default(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return "required"
    text = msgspec.json.encode(schema["default"]).decode()
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"


if __name__ == "__main__":
    sys.stdout.write(page())
