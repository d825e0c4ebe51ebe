"""prompty files (https://prompty.ai, versions 1 and 2): front matter, then ``system:`` and the like on lines of their
own. Templates are Jinja2 already; those in Mustache are refused where they hold more than variables."""

import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from trimtab.prompts.foreign._shared import Converted, front_matter, identifier, made, role_of, type_of, variables_of
from trimtab.prompts.types import Content, Message, PromptError, Variable

_ROLE = re.compile(r"[ \t]*#?[ \t]*(system|developer|user|assistant|tool|function)[ \t]*:[ \t]*", re.IGNORECASE)
_TYPES = {
    "float": "number",
    "int": "integer",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "thread": "messages",
}


def read(text: str, name: str) -> Converted:
    front, body = front_matter(text)
    notes: list[str] = []
    _check_engine(front, body)
    if "{%" in body:
        notes.append("A tag such as {% if %} takes the end of its line with it here; write '+%}' where it is to stay.")
    messages = tuple(_messages(body, notes))
    sample = front.get("sample")
    known = dict(_inputs(front.get("inputs"), cast("dict[str, Any]", sample) if isinstance(sample, dict) else {}))
    content = Content(
        description=str(front.get("description") or ""),
        variables=variables_of(messages, known),
        messages=messages,
        parameters=_parameters(front.get("model")),
        tools=tuple(cast("dict[str, Any]", each) for each in _list(front.get("tools")) if isinstance(each, dict)),
        metadata=_metadata(front, notes),
    )
    return made(str(front.get("name") or name), content, notes)


def _check_engine(front: dict[str, Any], body: str) -> None:
    template = front.get("template")
    said = msgspec.json.encode(template).decode() if template is not None else ""
    if "mustache" in said and re.search(r"\{\{[#^/>&{]", body):
        raise PromptError(
            "This prompty file is written in Mustache, with more than variables.", fix="Use jinja2 there."
        )


def _messages(body: str, notes: list[str]) -> list[Message]:
    found: list[tuple[str, list[str]]] = []
    for line in body.replace("\r\n", "\n").split("\n"):
        if mark := _ROLE.fullmatch(line):
            found.append((mark[1].lower(), []))
        elif found:
            found[-1][1].append(line)
        elif line.strip():
            found.append(("system", [line]))
    texts = [(role, "\n".join(lines).strip("\n")) for role, lines in found]
    return [Message(role=role_of(role, notes), text=text) for role, text in texts if text.strip()]


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _inputs(inputs: object, sample: dict[str, Any]) -> Iterable[tuple[str, Variable]]:
    """Version 1 maps names to a description of each, or to a sample; version 2 lists them."""
    said: dict[str, Any] = cast("dict[str, Any]", inputs) if isinstance(inputs, dict) else {}
    for each in [] if said else _list(cast("object", inputs)):
        if isinstance(each, dict) and "name" in each:
            said[str(cast("dict[str, Any]", each)["name"])] = each
    for name in {**sample, **said}:
        yield identifier(name), _variable(said.get(name), sample.get(name))


def _variable(said: object, sample: object) -> Variable:
    if not isinstance(said, dict):
        example = sample if said is None else said
        return _made(type_of(example), "", msgspec.UNSET, example)
    about = cast("dict[str, Any]", said)
    example = about.get("sample", about.get("example", sample))
    kind = str(about.get("type") or about.get("kind") or type_of(example))
    default = about.get("default", msgspec.UNSET)
    if default is msgspec.UNSET and about.get("required") is False:
        default = None
    return _made(_TYPES.get(kind, kind), str(about.get("description") or ""), default, example)


def _made(kind: str, description: str, default: object, example: object) -> Variable:
    fields: dict[str, Any] = {"type": kind, "description": description}
    if default is not msgspec.UNSET:
        fields["default"] = default
    if example is not None:
        fields["examples"] = [example]
    try:
        return msgspec.convert(fields, Variable)
    except msgspec.ValidationError as error:
        raise PromptError(f"{kind[:40]!r} is no type of ours.", fix="Use string, number, array or object.") from error


def _parameters(model: object) -> dict[str, Any]:
    if not isinstance(model, dict):
        return {"model": model} if isinstance(model, str) else {}
    said = cast("dict[str, Any]", model)
    found: dict[str, Any] = {}
    for key in ("parameters", "options"):
        if isinstance(said.get(key), dict):
            found |= cast("dict[str, Any]", said[key])
    configuration = said.get("configuration")
    inner = cast("dict[str, Any]", configuration) if isinstance(configuration, dict) else {}
    called = said.get("id") or inner.get("azure_deployment") or inner.get("name") or inner.get("model")
    if isinstance(called, str):
        found.setdefault("model", called)
    return found


def _metadata(front: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    kept = {key: front[key] for key in ("authors", "tags", "version", "outputs", "metadata") if front.get(key)}
    if isinstance(front.get("model"), dict) and ("configuration" in front["model"] or "connection" in front["model"]):
        notes.append("Where the model is called (configuration, connection) is not carried over: routes say that here.")
    if "outputs" in front:
        notes.append("'outputs' is in metadata.prompty: write it as 'output_schema' where it is to bind.")
    return {"prompty": kept} if kept else {}
