"""Dotprompt files (https://google.github.io/dotprompt/reference): front matter with Picoschema, and a template in
Handlebars, of which variables, ``if``, ``unless``, ``each``, ``ifEquals``, ``json``, ``role``, ``history``, comments
and partials are put into Jinja2. Anything else is refused with its line, never guessed."""

import re
from typing import Any, Final, cast

from msgspec import UNSET

from trimtab.prompts.foreign._shared import (
    Converted,
    front_matter,
    identifier,
    literal,
    made,
    role_of,
    slug,
    variables_of,
)
from trimtab.prompts.types import Content, Message, PromptError, Variable

_TAG = re.compile(r"\{\{!--.*?--\}\}|\{\{\{?~?\s*(.*?)\s*~?\}?\}\}", re.DOTALL)
_PATH = re.compile(r"(?:this|@?[A-Za-z][\w-]*)(?:[./][A-Za-z][\w-]*)*")
_LOOP: Final = {"@index": "loop.index0", "@first": "loop.first", "@last": "loop.last"}
_KINDS: Final = frozenset(("string", "integer", "number", "boolean", "array", "object"))


def read(text: str, name: str) -> Converted:
    front, body = front_matter(text)
    notes: list[str] = []
    messages = tuple(_Template(notes).messages(body))
    said = _dict(front.get("input"))
    output = _dict(front.get("output"))
    schema: Any = _schema(output["schema"], notes) if isinstance(output.get("schema"), dict) else UNSET
    parameters = _dict(front.get("config"))
    if isinstance(front.get("model"), str):
        parameters = {**parameters, "model": front["model"]}
    kept = {key: front[key] for key in ("variant", "tools", "metadata") if front.get(key)}
    if "tools" in kept:
        notes.append("Tools are named, not described, in the file: their names are in metadata.dotprompt.tools.")
    content = Content(
        description=str(front.get("description") or ""),
        variables=variables_of(messages, _inputs(_dict(said.get("schema")), _dict(said.get("default")), notes)),
        messages=messages,
        parameters=parameters,
        output_schema=schema,
        metadata={"dotprompt": kept} if kept else {},
    )
    return made(str(front.get("name") or name), content, notes)


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


# --- Picoschema ---


def _inputs(schema: dict[str, Any], defaults: dict[str, Any], notes: list[str]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    fields = _dict(schema.get("properties")) if schema.get("type") == "object" else None
    required = schema.get("required") if fields is not None else None
    for key, value in (schema if fields is None else fields).items():
        name, optional = key.partition("(")[0].rstrip("?").strip(), key.partition("(")[0].strip().endswith("?")
        if fields is not None:
            optional = name not in (required if isinstance(required, list) else [])
            made_of = _dict(value)
        else:
            made_of = _field(key, value, notes)
        kind = made_of.get("type")
        default: Any = defaults.get(name, None if optional else UNSET)
        allowed = made_of.get("enum")
        found[identifier(name)] = Variable(
            type=cast("Any", kind if kind in _KINDS else "string"),
            description=str(made_of.get("description") or ""),
            default=default,
            enum=tuple(cast("list[Any]", allowed)) if isinstance(allowed, list) else (),
        )
    for key, value in defaults.items():
        if identifier(key) not in found:
            found[identifier(key)] = Variable(type=_kind(value), default=value)
    return found


def _kind(value: object) -> Any:
    from trimtab.prompts.foreign._shared import type_of

    return type_of(value)


def _schema(said: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """JSON Schema from Picoschema; what is JSON Schema already stays."""
    if said.get("type") in ("object", "array"):
        return said
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, value in said.items():
        name = key.partition("(")[0].strip()
        properties[name.rstrip("?")] = _field(key, value, notes)
        if not name.endswith("?"):
            required.append(name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _field(key: str, value: object, notes: list[str]) -> dict[str, Any]:
    """``name?(array, what it is): string`` and the like."""
    inside = re.search(r"\((.*)\)\s*$", key)
    parent, _, about = (part.strip() for part in (inside[1] if inside else "").partition(","))
    if parent == "enum" and isinstance(value, list):
        return {"enum": value, **({"description": about} if about else {})}
    if isinstance(value, dict):
        one = _schema(cast("dict[str, Any]", value), notes)
    else:
        kind, _, words = (part.strip() for part in str(value).partition(","))
        if kind not in {*_KINDS, "any", "null"}:
            notes.append(f"The schema {kind[:40]!r} is named elsewhere; it became any value.")
        one = {**({"type": kind} if kind in _KINDS else {}), **({"description": words} if words else {})}
    if parent == "array":
        return {"type": "array", "items": one, **({"description": about} if about else {})}
    return {**one, **({"description": about} if about else {})}


# --- Handlebars ---


def _alone(body: str, tag: re.Match[str]) -> bool:
    before, after = body[: tag.start()].rpartition("\n")[2], body[tag.end() :].partition("\n")[0]
    return not before.strip() and not after.strip()


class _Template:
    """Walks the tags once. ``scopes``: of each open block, what it is and, for ``each``, the name of its item."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._scopes: list[tuple[str, str]] = []
        self._messages: list[Message] = []
        self._role = "user"
        self._parts: list[str] = []
        self._alone = False

    def messages(self, body: str) -> list[Message]:
        at = 0
        for tag in _TAG.finditer(body):
            self._parts.append(literal(body[at : tag.start()], before_tag=True))
            at = tag.end()
            self._alone = _alone(body, tag)
            if tag[1] is not None and not tag[1].startswith("!"):
                self._tag(tag[1], body.count("\n", 0, tag.start()) + 1)
        self._parts.append(literal(body[at:]))
        if self._scopes:
            raise PromptError(f"'#{self._scopes[-1][0]}' has no end.", fix="Close it.")
        self._end()
        return self._messages

    def _end(self) -> None:
        text = "".join(self._parts).strip("\n")
        if text.strip():
            self._messages.append(Message(role=role_of(self._role, self._notes), text=text))
        self._parts = []

    def _tag(self, words: str, line: int) -> None:
        if role := re.fullmatch(r"role\s+[\"']([\w-]+)[\"']", words):
            self._at_top("role", line)
            self._end()
            self._role = role[1]
        elif words == "history":
            self._at_top("history", line)
            self._end()
            self._messages.append(Message(messages="history"))
        elif words.startswith("#"):
            self._open(words[1:], line)
        elif words in ("else", "^"):
            self._block("else")
        elif words.startswith("/"):
            self._close(words[1:].strip(), line)
        elif partial := re.fullmatch(r">\s*([\w.-]+)", words):
            self._notes.append(f"The partial {partial[1]!r} is included: import it, too.")
            self._parts.append(f'{{% include "{slug(partial[1])}" %}}')
        elif asked := re.fullmatch(r"json\s+(\S+)(?:\s+indent=(\d+))?", words):
            indent = f"(indent={asked[2]})" if asked[2] else ""
            self._parts.append(f"{{{{ {self._path(asked[1], line)} | tojson{indent} }}}}")
        else:
            self._parts.append(f"{{{{ {self._path(words, line)} }}}}")

    def _block(self, words: str) -> None:
        """A tag alone on its line takes the line with it, as ours do; beside text it takes nothing."""
        self._parts.append(f"{{% {words} %}}" if self._alone else f"{{%+ {words} +%}}")

    def _at_top(self, what: str, line: int) -> None:
        if self._scopes:
            raise PromptError(f"'{what}' stands inside a block.", fix="Put it outside.", line=line)

    def _open(self, words: str, line: int) -> None:
        kind, _, rest = words.partition(" ")
        if kind == "if":
            self._block(f"if {self._path(rest.strip(), line)}")
        elif kind == "unless":
            self._block(f"if not {self._path(rest.strip(), line)}")
        elif kind == "each":
            item = f"item{len(self._scopes) + 1}"
            self._block(f"for {item} in {self._path(rest.strip(), line)}")
            self._scopes.append((kind, item))
            return
        elif kind in ("ifEquals", "unlessEquals") and len(rest.split()) == 2:
            left, right = rest.split()
            sign = "==" if kind == "ifEquals" else "!="
            self._block(f"if {self._value(left, line)} {sign} {self._value(right, line)}")
        else:
            raise self._unknown(f"#{words}", line)
        self._scopes.append((kind, ""))

    def _close(self, kind: str, line: int) -> None:
        if not self._scopes or self._scopes[-1][0] != kind:
            raise PromptError(f"'/{kind}' closes nothing.", fix="Check the blocks.", line=line)
        self._scopes.pop()
        self._block("endfor" if kind == "each" else "endif")

    def _value(self, words: str, line: int) -> str:
        if re.fullmatch(r"\"[^\"{}\\]*\"|'[^'{}\\]*'|-?\d+(?:\.\d+)?|true|false", words):
            return words
        return self._path(words, line)

    def _path(self, words: str, line: int) -> str:
        """A value's name, seen from the block that it stands in."""
        item = next((name for kind, name in reversed(self._scopes) if kind == "each"), "")
        if words in _LOOP and item:
            return _LOOP[words]
        if not _PATH.fullmatch(words) or words.startswith("@"):
            raise self._unknown(words, line)
        parts = [identifier(part) for part in re.split(r"[./]", words)]
        if parts[0] == "this":
            if not item:
                raise self._unknown(words, line)
            return ".".join([item, *parts[1:]])
        return ".".join([item, *parts]) if item else ".".join(parts)

    def _unknown(self, words: str, line: int) -> PromptError:
        return PromptError(
            f"'{{{{{words[:60]}}}}}' of Handlebars cannot be put into Jinja2.",
            fix="Write it otherwise there, or write the prompt in our form.",
            line=line,
        )
