"""Langfuse's prompt, as its API gives it (https://langfuse.com/docs/prompt-management/data-model): ``type`` text or
chat, ``{{variable}}`` in texts, ``@@@langfusePrompt:name=...@@@`` for other prompts, ``config`` for whatever else."""

import re
from typing import Any, Final, cast

from trimtab.prompts.foreign._shared import Converted, identifier, json_of, literal, made, role_of, slug, variables_of
from trimtab.prompts.types import Content, Message, PromptError, Variable

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z][\w.-]*)\s*\}\}")
_OTHER = re.compile(r"@@@langfusePrompt:([^@]+)@@@")
_TOOLS: Final = ("tools", "functions")
_PARAMETERS: Final[frozenset[str]] = frozenset(
    ("model", "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "stop", "seed",
     "presence_penalty", "frequency_penalty", "reasoning_effort", "tool_choice", "parallel_tool_calls")
)  # fmt: skip


def read(text: str, name: str) -> Converted:
    found = json_of(text)
    if not isinstance(found, dict) or "prompt" not in found:
        raise PromptError("This is no prompt of Langfuse: it has no 'prompt'.", fix="Give the JSON of one prompt.")
    said = cast("dict[str, Any]", found)
    notes: list[str] = []
    messages = tuple(_messages(said["prompt"], notes))
    content = Content(messages=messages, metadata={"langfuse": _metadata(said)}, **_config(said.get("config"), notes))
    known = {message.messages: Variable(type="messages", default=[]) for message in messages if message.messages}
    content = Content(
        messages=messages,
        variables=variables_of(messages, known),
        parameters=content.parameters,
        tools=content.tools,
        output_schema=content.output_schema,
        metadata=content.metadata,
    )
    return made(str(said.get("name") or name), content, notes)


def _metadata(said: dict[str, Any]) -> dict[str, Any]:
    kept = {key: said[key] for key in ("name", "version", "labels", "tags", "commitMessage") if said.get(key)}
    rest = said.get("config")
    if isinstance(rest, dict):
        other = {key: value for key, value in cast("dict[str, Any]", rest).items() if key not in _taken(rest)}
        if other:
            kept["config"] = other
    return kept


def _taken(config: Any) -> set[str]:
    taken: set[str] = set(_PARAMETERS)
    for key in _TOOLS:
        if isinstance(config.get(key), list):
            taken.add(key)
    if isinstance(config.get("json_schema"), dict):
        taken.add("json_schema")
    return taken


def _config(config: object, notes: list[str]) -> dict[str, Any]:
    if not isinstance(config, dict):
        return {}
    said = cast("dict[str, Any]", config)
    made_of: dict[str, Any] = {"parameters": {key: value for key, value in said.items() if key in _PARAMETERS}}
    tools = next((said[key] for key in _TOOLS if isinstance(said.get(key), list)), None)
    if tools is not None:
        made_of["tools"] = tuple(
            cast("dict[str, Any]", each) for each in cast("list[Any]", tools) if isinstance(each, dict)
        )
    if isinstance(said.get("json_schema"), dict):
        made_of["output_schema"] = said["json_schema"]
    if set(said) - _taken(said):
        notes.append("What 'config' holds beside parameters, tools and schema is in metadata.langfuse.config.")
    return made_of


def _messages(prompt: Any, notes: list[str]) -> list[Message]:
    if isinstance(prompt, str):
        return [Message(role="user", text=_text(prompt, notes))]
    if not isinstance(prompt, list):
        raise PromptError("'prompt' is neither a text nor a list of messages.")
    found: list[Message] = []
    for each in cast("list[Any]", prompt):
        message = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
        if message.get("type") == "placeholder":
            found.append(Message(messages=identifier(str(message.get("name", "")))))
        elif isinstance(message.get("content"), str):
            found.append(Message(role=role_of(message.get("role"), notes), text=_text(message["content"], notes)))
        else:
            raise PromptError("A message has no text as 'content'.", fix="Only texts and placeholders can be imported.")
    return found


def _text(text: str, notes: list[str]) -> str:
    parts: list[str] = []
    at = 0
    marks = sorted((*_VARIABLE.finditer(text), *_OTHER.finditer(text)), key=lambda found: found.start())
    for mark in marks:
        if mark.start() < at:
            continue
        parts.append(literal(text[at : mark.start()], before_tag=True))
        parts.append(f"{{{{ {identifier(mark[1])} }}}}" if mark.re is _VARIABLE else _include(mark[1], notes))
        at = mark.end()
    return "".join((*parts, literal(text[at:])))


def _include(said: str, notes: list[str]) -> str:
    """``name=...|version=...`` or ``name=...|label=...``."""
    fields = dict(part.split("=", 1) for part in said.split("|") if "=" in part)
    reference = slug(fields.get("name", ""))
    version = fields.get("version") or fields.get("label") or ""
    notes.append(f"The prompt {reference!r} is included: import it, too.")
    if version.isdecimal():
        notes.append(f"Its version {version} of Langfuse need not be its version {version} here.")
    return f'{{% include "{reference}{"@" + version.lower() if version and version != "latest" else ""}" %}}'
