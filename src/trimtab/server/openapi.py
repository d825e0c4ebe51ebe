"""The API's description, OpenAPI 3.1, made from the routes themselves and the msgspec types of their bodies.

It is the contract for the console (its TypeScript types), the SDK and everybody else: ``schemas/openapi.json`` is this
document, and a test fails when the two differ.
Regenerate with ``python -m trimtab.server.openapi > schemas/openapi.json``.
"""

import inspect
import re
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler

from trimtab import __version__
from trimtab.server.api import all_routes
from trimtab.server.asked import parameters_of
from trimtab.server.bodies.common import Problem
from trimtab.server.routes import Operation

_ABOUT = (
    "Management API of Trimtab. Every operation but sign-in needs a key (`Authorization: Bearer tt_...` or "
    "`x-api-key`) or the console's session cookie; with the cookie, what changes something also needs our own `Origin` "
    "or the header `trimtab-console`. Refusals are RFC 9457 problems with a stable `code` and a `fix`."
)
_WORDS = {
    200: "Done",
    201: "Made",
    204: "Done; nothing to say",
    302: "Go there",
    400: "The request is not valid",
    401: "No key, or one that is not valid",
    403: "The key may not do this",
    404: "No such thing in this project",
    409: "In conflict with what is there",
    410: "It was here, and was taken away",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many requests",
    500: "A defect of ours",
    503: "Not available now; try again",
}


@cache
def document() -> dict[str, Any]:
    """The whole description. The same routes always give the same document, byte for byte once encoded."""
    operations = [_Described(handler) for handler in all_routes()]
    types = [t for op in operations for t in op.types()] + [Problem]
    made = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas, components = msgspec.json.decode(msgspec.json.encode(made))  # defaults that are tuples become lists
    named = {_key(t): schema for t, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for op in sorted(operations, key=lambda op: (op.path, op.method)):
        paths.setdefault(op.path, {})[op.method] = op.render(named)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trimtab", "version": __version__, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(op.operation.tag for op in operations)],
        "paths": paths,
        "components": {
            "schemas": {name: _tidy(schema) for name, schema in sorted(components.items())},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of this server: `tt_...`"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "session": {"type": "apiKey", "in": "cookie", "name": "trimtab_session"},
            },
        },
    }


def _key(type_: Any) -> str:
    return repr(type_)


class _Described:
    """One route, looked at."""

    def __init__(self, handler: HTTPRouteHandler) -> None:
        self.operation: Operation = handler.opt["operation"]
        self.permission: str | None = handler.opt["permission"]
        self.function: Any = handler.fn
        self.method = next(iter(handler.http_methods)).lower()
        declared = next(iter(handler.paths))
        self.path = re.sub(r"\{(\w+):\w+\}", r"{\1}", declared)
        self.path_names = re.findall(r"\{(\w+)\}", self.path)
        hints = get_type_hints(self.function, include_extras=True)
        self.body = hints.get("data")
        self.answer = _answer(hints["return"])
        self.query = parameters_of(handler)

    def types(self) -> list[Any]:
        found = [*(each.type_ for each in self.query), *self.operation.events]
        return [*found, *(t for t in (self.body, self.answer) if t is not None and not _is_text(t))]

    def render(self, named: dict[str, Any]) -> dict[str, Any]:
        op = self.operation
        doc = inspect.cleandoc(self.function.__doc__ or "").replace("``", "`")
        who = f"Needs the permission `{self.permission}`." if self.permission else "Open to everybody."
        rendered: dict[str, Any] = {
            "operationId": op.id,
            "summary": op.summary,
            "description": f"{doc}\n\n{who}" if doc else who,
            "tags": [op.tag],
            "security": [{"key": []}, {"apiKey": []}, {"session": []}] if self.permission else [],
            "responses": self._responses(named),
        }
        parameters = self._parameters(named)
        if parameters:
            rendered["parameters"] = parameters
        if self.body is not None:
            rendered["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": named[_key(self.body)]}},
            }
        if op.file_types:
            file = {"schema": {"type": "string", "format": "binary"}}
            rendered["requestBody"] = {"required": True, "content": dict.fromkeys(op.file_types, file)}
        if self.permission:
            rendered["x-permission"] = self.permission
        return rendered

    def _parameters(self, named: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in self.path_names
        ]
        for asked in self.query:
            default = asked.default
            schema = _without_null(dict(named[_key(asked.type_)]))
            needed = default is inspect.Parameter.empty
            parameter: dict[str, Any] = {"name": asked.name, "in": "query", "required": needed}
            described = schema.pop("description", None)
            if described:
                parameter["description"] = described
            if not needed and default is not None:
                schema["default"] = default
            parameter["schema"] = schema
            found.append(parameter)
        return found

    def _responses(self, named: dict[str, Any]) -> dict[str, Any]:
        op = self.operation
        good: dict[str, Any] = {"description": _WORDS[op.status]}
        if op.events:
            good["content"] = {op.media_type: {"schema": _event(op.events, named)}}
        elif op.media_type != "application/json":
            good["content"] = {op.media_type: {"schema": {"type": "string"}}}
        elif self.answer is not None:
            schema = {"type": "object"} if _is_text(self.answer) else named[_key(self.answer)]
            good["content"] = {"application/json": {"schema": schema}}
        responses = {str(op.status): good}
        refusals = {400, 500, 503, *op.errors}
        if self.permission:
            refusals |= {401, 403}
        if self.body is not None:
            refusals |= {401, 403, 413, 415}
        problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for status in sorted(refusals):
            responses[str(status)] = {"description": _WORDS[status], "content": problem}
        if op.id == "readyz":
            responses["503"] = {"description": "Not ready", "content": {"text/plain": {"schema": {"type": "string"}}}}
        return responses


def _event(kinds: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """One event of a stream; what its ``data`` is, as JSON, is one of the kinds."""
    inside = {"anyOf": [named[_key(kind)] for kind in kinds]}
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": inside}
    return {
        "type": "object",
        "properties": {"event": {"type": "string"}, "data": data},
        "required": ["event", "data"],
    }


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Docstrings without their source's indent; and every field of an answer is always there (only bodies, which forbid
    unknown fields, may leave some out)."""
    tidy = dict(schema)
    if "description" in tidy:
        tidy["description"] = inspect.cleandoc(tidy["description"]).replace("``", "`")
    if "properties" in tidy and "additionalProperties" not in tidy:
        tidy["required"] = list(tidy["properties"])
    return tidy


def _answer(hint: Any) -> Any:
    """What is in the body: ``Response[X]`` is an X."""
    inner = get_args(hint)[0] if get_origin(hint) is Response else hint
    return None if inner is type(None) else inner


def _is_text(type_: Any) -> bool:
    return type_ in (str, bytes)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is left out, never null."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return {**{k: v for k, v in schema.items() if k != "anyOf"}, **options[0]}
    return schema


if __name__ == "__main__":
    import sys

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document()), indent=1).decode() + "\n")
