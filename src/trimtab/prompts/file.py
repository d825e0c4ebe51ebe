"""A prompt as a file: front matter in YAML between two lines of ``---``, then messages, each under its role.

    ---
    name: support
    description: Answers a customer's question.
    variables:
      customer: {type: string, description: Whom we talk to, examples: [Ada]}
      tone: {type: string, default: friendly, enum: [friendly, formal]}
      history: {type: messages, default: []}
    parameters: {temperature: 0.2}
    policy: {refund_limit: 50}
    ---
    @system
    {% include "house-style" %}
    Be {{ tone }}. Refunds up to {{ policy.refund_limit }} need nobody's leave.

    @messages history

    @user
    I am {{ customer }}.

A text without any role line is one message of the user. A line of text that looks like a role line has a backslash
before it. `write` gives the one form of a content; ``read(write(x))`` has the hash of ``x``.
"""

import re
from typing import Any, Final, cast

import msgspec
import yaml
from msgspec import Struct

from trimtab.prompts.canonical import check_folder, check_name, fields, normal, text_of
from trimtab.prompts.types import MAX_TEXT, Content, Message, PromptError, PromptFile, Role, Variable

MAX_FRONT: Final = 256 * 1024
"""Characters of the front matter."""
MAX_DEPTH: Final = 60
"""Levels of YAML: more than a value may have (`canonical.plain`)."""
_MARK = re.compile(r"@(?:(system|developer|user|assistant)|messages[ \t]+([A-Za-z][A-Za-z0-9_]*))[ \t]*")
_ESCAPED = re.compile(r"\\+@(?:system|developer|user|assistant|messages[ \t]+[A-Za-z][A-Za-z0-9_]*)[ \t]*")


class Front(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = ""
    folder: str | None = None
    description: str = ""
    variables: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    policy: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


def read(text: str, name: str = "") -> PromptFile:
    """The prompt in a file's text; ``name`` is the one to use where the file says none (its own name, as a rule).

    Raises `PromptError` with the line of the file.
    """
    if len(text) > MAX_TEXT + MAX_FRONT:
        raise PromptError(f"The file has more than {MAX_TEXT + MAX_FRONT:,} characters.", fix="Split it by includes.")
    front, body, first = _split(text_of(text.removeprefix("\ufeff")))
    said, node = _front(front)
    messages, starts = _messages(body, first)
    content = Content(
        description=said.description,
        variables={key: _variable(key, value, node) for key, value in said.variables.items()},
        messages=tuple(messages),
        parameters=said.parameters,
        tools=said.tools,
        output_schema=said.output_schema,
        policy=said.policy,
        metadata=said.metadata,
    )
    return PromptFile(
        name=check_name(said.name or name),
        content=normal(content),
        folder=None if said.folder is None else check_folder(said.folder),
        starts=tuple(starts),
    )


def write(prompt: PromptFile) -> str:
    """The file of a prompt: the same text for the same name, folder and content."""
    front: dict[str, Any] = {"name": prompt.name}
    if prompt.folder:
        front["folder"] = prompt.folder
    front |= fields(prompt.content)
    front.pop("messages", None)
    head = dump_yaml(front)
    return f"---\n{head}---\n" + "\n\n".join(_written(message) for message in prompt.content.messages) + "\n"


def _written(message: Message) -> str:
    if message.messages:
        return f"@messages {message.messages}"
    lines = (
        f"\\{line}" if _MARK.fullmatch(line) or _ESCAPED.fullmatch(line) else line for line in message.text.split("\n")
    )
    return f"@{message.role}\n" + "\n".join(lines)


def _split(text: str) -> tuple[str, str, int]:
    """Front matter, body, and the line of the file that the body begins on."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return "", text, 1
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise PromptError("The front matter has no end.", fix="Close it with a line of three dashes, '---'.", line=1)


def _messages(body: str, first: int) -> tuple[list[Message], list[int]]:
    """The messages, and the line of the file that the text of each begins on."""
    found: list[tuple[str, str, int, list[str]]] = []
    loose: list[str] = []
    for number, line in enumerate(body.split("\n"), first):
        if mark := _MARK.fullmatch(line):
            found.append((mark[1] or "", mark[2] or "", number + 1, []))
            continue
        kept = line[1:] if _ESCAPED.fullmatch(line) else line
        (found[-1][3] if found else loose).append(kept)
        if found and kept.strip() and found[-1][1]:
            raise PromptError(
                "Text stands below '@messages'.", fix="Put a role above it, such as '@user'.", line=number
            )
    if not found:
        found = [("user", "", first, loose)]
    elif any(line.strip() for line in loose):
        raise PromptError("Text stands before the first role.", fix="Put '@system' or '@user' above it.", line=first)
    made: list[Message] = []
    starts: list[int] = []
    for role, placeholder, start, lines in found:
        blank = next((at for at, line in enumerate(lines) if line), 0)
        starts.append(start + blank)
        made.append(
            Message(messages=placeholder)
            if placeholder
            else Message(role=cast("Role", role), text="\n".join(lines).strip("\n"))
        )
    return made, starts


def _variable(name: str, said: object, node: Any) -> Variable:
    """``name: string`` and ``name:`` are short for the whole."""
    try:
        return msgspec.convert(said if isinstance(said, dict) else {"type": said or "string"}, Variable)
    except msgspec.ValidationError as error:
        words, _, at = str(error).partition(" - at `$")
        field = at.rstrip("`").lstrip(".")
        raise PromptError(
            f"variables.{name[:80]}{'.' if field else ''}{field}: {words}",
            fix="A variable has type, description, default, enum and examples.",
            line=_line_of(node, f"variables.{name}.{field}", words),
            variable=name[:80],
        ) from error


# --- YAML ---


class _Loader(yaml.SafeLoader):
    """YAML's JSON part: no aliases (they multiply), no key twice, and dates stay text."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._depth > MAX_DEPTH:  # brackets within brackets cost PyYAML the square of their number
            raise PromptError(f"It is nested deeper than {MAX_DEPTH} levels.", fix="Make it flatter.")
        if self.check_event(yaml.AliasEvent):  # pyright: ignore[reportUnknownMemberType]
            raise PromptError(
                "References to other parts ('*name') are not read here.",
                fix="Write it out.",
                line=self.peek_event().start_mark.line + 2,  # pyright: ignore
            )
        self._depth += 1
        node: Any = super().compose_node(parent, index)  # pyright: ignore
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[object] = set()
        for key, _ in node.value:
            name = key.value
            if name in seen:
                raise PromptError(f"{name!r} stands twice.", fix="Take one out.", line=key.start_mark.line + 2)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


# Of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), so that ``on``, ``no``, ``010`` and ``1:30``
# are what they look like to people.
_SCALARS: Final = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)$"), ("~", "n", "N", "")),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), tuple("tTfF")),
    ("int", re.compile(r"[-+]?[0-9]+$"), tuple("-+0123456789")),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), tuple("-+.0123456789")),
    ("float", re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"), tuple("-+.")),
)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    made: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, firsts in _SCALARS:
        for first in firsts:
            made.setdefault(first, []).append((f"tag:yaml.org,2002:{tag}", pattern))
    return made


def _int(loader: Any, node: Any) -> int:  # noqa: ARG001
    return int(node.value)


def _float(loader: Any, node: Any) -> float:  # noqa: ARG001
    return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


_Loader.yaml_implicit_resolvers = _resolvers()  # pyright: ignore
_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: Any, value: str) -> Any:
    """Texts of several lines as people write them; what YAML 1.1 takes for a line's end, and others do not, escaped."""
    odd = any(each in value for each in "\x85\u2028\u2029\ufeff")
    style = '"' if odd else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
# What either version of YAML would take for something else than a text is put in quotes.
_Dumper.yaml_implicit_resolvers = {  # pyright: ignore
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, []), *_resolvers().get(first, [])]  # pyright: ignore
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *_resolvers()}  # pyright: ignore
}


def load_yaml(text: str) -> tuple[object, Any]:
    """The value of one YAML document and its root node, None where it is empty. Raises `PromptError` with the line,
    counted as of front matter."""
    if len(text) > MAX_FRONT:
        raise PromptError(f"The front matter has more than {MAX_FRONT:,} characters.", fix="Shorten it.")
    loader: Any = None
    try:
        loader = _Loader(text)
        node: Any = loader.get_single_node()
        return ({} if node is None else loader.construct_document(node)), node
    except yaml.YAMLError as error:
        raise _not_yaml(error) from error
    except (RecursionError, ValueError, TypeError, LookupError, AttributeError) as error:  # PyYAML's of odd '!!' tags
        raise PromptError(f"The front matter cannot be read: {str(error)[:200]}.", fix="Make it flatter.") from error
    finally:
        if loader is not None:
            loader.dispose()


def dump_yaml(value: object) -> str:
    """YAML that `load_yaml`, and any reader of either version of YAML, takes for the same value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _front(text: str) -> tuple[Front, Any]:
    value, node = load_yaml(text)
    if not isinstance(value, dict):
        raise PromptError("The front matter is no list of 'field: value'.", fix="Write for example 'name: support'.")
    try:
        return msgspec.convert(value, Front), node
    except msgspec.ValidationError as error:
        words, _, at = str(error).partition(" - at `$")
        where = at.rstrip("`").lstrip(".")
        fields = ", ".join(Front.__struct_fields__)
        raise PromptError(
            f"{where}: {words}" if where else words,
            fix=f"A prompt's front matter has {fields}." if "unknown field" in words else "Correct it.",
            line=_line_of(node, where, words),
        ) from error


def _not_yaml(error: yaml.YAMLError) -> PromptError:
    mark: Any = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    line = None if mark is None else mark.line + 2
    return PromptError(f"The front matter is not YAML: {problem}.", fix="Check indentation and quotes.", line=line)


def _line_of(node: Any, where: str, words: str) -> int:
    """The file's line of what msgspec speaks of: as deep as its path leads."""
    line = node.start_mark.line
    named = re.search(r"unknown field `([^`]+)`", words)
    for part in [*re.findall(r"[^.\[\]]+", where), *([named[1]] if named else [])]:
        if not isinstance(node, yaml.MappingNode):
            break
        pairs: list[tuple[Any, Any]] = node.value
        wanted = next(((key, value) for key, value in pairs if key.value == part), None)
        if wanted is None:
            break
        line, node = wanted[0].start_mark.line, wanted[1]
    return int(line) + 2
