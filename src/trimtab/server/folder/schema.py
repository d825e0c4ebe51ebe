"""JSON Schemas of a folder's files, for editors: made of the types that read them.

``python -m trimtab.server.folder.schema schemas`` writes them; a test fails when they are stale.
"""

import inspect
from typing import Any, Final, cast

import msgspec

from trimtab.evaluation.cases import NewCase
from trimtab.evaluation.types import SuiteSpec
from trimtab.guard.types import GuardSpec
from trimtab.prompts.types import LABEL, LATEST, NAME, Variable
from trimtab.releases.types import AppSpec, Protection
from trimtab.server.config import fields as config_fields
from trimtab.server.config import routes as config_routes
from trimtab.server.folder.fields import FOLDER
from trimtab.server.folder.governed import AccessTerms, DataSection
from trimtab.server.folder.items import EnvironmentSpec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """``trimtab`` (trimtab.yaml), ``app``, ``prompt`` (its front matter), ``suite``, ``guard``, ``policy`` (the terms
    beside a set of policies), ``case`` (a line of a dataset), ``config`` (the server's config file)."""
    made = {"trimtab": _trimtab(), "app": _app(), "prompt": _prompt(), "suite": _suite()} | {
        "guard": _one(GuardSpec, "A guard of a folder"),
        "policy": _one(AccessTerms, "What stands beside a set of policies"),
        "case": _one(NewCase, "A case of a dataset: a line of datasets/NAME.jsonl"),
    }
    return {name: _tidied(schema) for name, schema in made.items()} | {"config": config_fields.schema()}


def _tidied(value: Any) -> Any:
    """Descriptions are docstrings: without their indentation."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return {
            name: inspect.cleandoc(each) if name == "description" and isinstance(each, str) else _tidied(each)
            for name, each in found.items()
        }
    return [_tidied(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def _parts(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    made = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    (root,), parts = msgspec.json.decode(msgspec.json.encode(made))  # defaults that are tuples become lists
    return root, parts


def _trimtab() -> dict[str, Any]:
    version = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": LATEST}]}
    labels = {
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME}$"},
        "additionalProperties": {
            "type": "object",
            "propertyNames": {"pattern": f"^{LABEL}$"},
            "additionalProperties": version,
        },
    }
    protection, parts = _parts(Protection)
    environment: dict[str, Any] = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "position": {"type": "integer", "minimum": 0, "maximum": 1000},
            "default": {"type": "boolean"},
            "protection": protection,
        },
    }
    assert set(environment["properties"]) == set(EnvironmentSpec.__struct_fields__)
    made = config_fields.section(FOLDER)
    data, more = _parts(DataSection)
    parts |= more
    for name, shape in (
        ("labels", labels),
        ("environments", {"type": "object", "additionalProperties": environment}),
        ("data", data),
    ):
        made["properties"][name] = {"description": FOLDER[name].about, **shape}
    defs = config_fields.route_parts() | parts
    return {"$schema": DIALECT, "title": "trimtab.yaml of a folder", **made, "$defs": defs}


def _app() -> dict[str, Any]:
    _, parts = _parts(AppSpec)
    made = parts.pop("AppSpec")
    _, routes = _parts(config_routes.Written)
    made["properties"]["route"] = {
        "description": "A model's or a route's name, provider/model-id, or a tree (docs/routing.md).",
        **routes["Written"]["properties"]["tree"],
    }
    return {"$schema": DIALECT, **made, "title": "An app of a folder", "$defs": {**parts, **routes}}


def _suite() -> dict[str, Any]:
    _, parts = _parts(SuiteSpec)
    made = parts.pop("SuiteSpec")
    return {"$schema": DIALECT, **made, "title": "A suite of a folder", "$defs": parts}


def _one(kind: Any, title: str) -> dict[str, Any]:
    _, parts = _parts(kind)
    made = parts.pop(kind.__name__)
    return {"$schema": DIALECT, **made, "title": title, "$defs": parts}


def _prompt() -> dict[str, Any]:
    from trimtab.prompts.file import Front

    _, parts = _parts(Front)
    made = parts.pop("Front")
    variable, more = _parts(Variable)
    made["properties"]["variables"] = {
        "type": "object",
        "additionalProperties": {"anyOf": [variable, {"$ref": "#/$defs/Variable/properties/type"}, {"type": "null"}]},
    }
    return {"$schema": DIALECT, **made, "title": "The front matter of a prompt", "$defs": {**parts, **more}}


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    for name, schema in schemas().items():
        place = Path(sys.argv[1]) / f"{name}.schema.json"
        place.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
