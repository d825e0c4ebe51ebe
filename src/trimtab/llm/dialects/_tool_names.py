"""Names of tools as each vendor takes them, and as the client knows them.

MCP's tools have names of up to 128 letters, with dots (https://modelcontextprotocol.io/community/seps, 986), and agents
put the server's name before them. Anthropic takes 128 letters, digits, ``_`` and ``-``, but 64 where Bedrock or Vertex
serve it (https://github.com/anthropics/claude-code/issues/5132 and /96152), Converse 64
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html), and so OpenAI
(https://platform.openai.com/docs/api-reference/chat/create) and who speaks like it. Google takes dots and colons, too,
but no digit at the beginning (https://ai.google.dev/api/caching#FunctionDeclaration). Cohere takes letters, digits and
``_``, and no digit at the beginning (``Tool`` of https://docs.cohere.com/v1/reference/chat and Oracle's
``CohereToolV2``; Cohere's own reference of version 2 says nothing of it).

A call that is translated is written with names that its vendor takes, and the answer with the client's again. The same
name becomes the same one in every call, so that a conversation stays one to a prompt cache.
"""

import hashlib
import re
from collections.abc import Mapping

from msgspec.structs import replace

from trimtab.llm.types import Message, Part, Request, Response, Tool, ToolCall

LONGEST = 64
_PLAIN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TAKEN: dict[str, re.Pattern[str]] = {
    "anthropic_messages": _PLAIN,
    "bedrock_converse": _PLAIN,
    "openai_chat": _PLAIN,
    "openai_responses": _PLAIN,
    "gemini": re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"),
    "cohere_chat": re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}"),
}
_OTHER = re.compile(r"[^a-zA-Z0-9_]")
_MARK = 9
"""``_`` and eight digits, which keep two names apart that are the same without what was left out."""


def fitted(request: Request, dialect: str) -> tuple[Request, dict[str, str]]:
    """The call with names that a vendor of ``dialect`` takes, and the client's name for each that is another one."""
    back = names_told(request, dialect)
    if not back:
        return request, back
    renamed = {name: told for told, name in back.items()}
    choice = request.tool_choice
    if choice is not None and choice.name in renamed:
        choice = replace(choice, name=renamed[choice.name])
    tools = tuple(_tool(tool, renamed) for tool in request.tools)
    messages = tuple(_message(message, renamed) for message in request.messages)
    return replace(request, tools=tools, tool_choice=choice, messages=messages), back


def names_told(request: Request, dialect: str) -> dict[str, str]:
    """The client's name for each tool that a vendor of ``dialect`` is told by another one."""
    taken = _TAKEN.get(dialect)
    if taken is None:
        return {}
    said = {tool.name for tool in request.tools}
    said |= {part.name for each in request.messages for part in each.parts if isinstance(part, ToolCall)}
    return {_fitting(name): name for name in said if not taken.fullmatch(name)}


def tools_told_back(tools: tuple[Tool, ...], back: Mapping[str, str]) -> tuple[Tool, ...]:
    return tuple(_tool(tool, back) for tool in tools)


def told_back(response: Response, back: Mapping[str, str]) -> Response:
    """The answer with the client's names."""
    return replace(response, parts=_parts(response.parts, back)) if back else response


def _fitting(name: str) -> str:
    plain = _OTHER.sub("_", name)
    plain = plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[: _MARK - 1]
    return f"{plain[: LONGEST - _MARK]}_{mark}"


def _tool(tool: Tool, names: Mapping[str, str]) -> Tool:
    return replace(tool, name=names[tool.name]) if tool.name in names else tool


def _message(message: Message, names: Mapping[str, str]) -> Message:
    return replace(message, parts=_parts(message.parts, names))


def _parts(parts: tuple[Part, ...], names: Mapping[str, str]) -> tuple[Part, ...]:
    return tuple(
        replace(part, name=names[part.name]) if isinstance(part, ToolCall) and part.name in names else part
        for part in parts
    )
