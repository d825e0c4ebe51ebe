"""Tool arguments for vendors that want an object where others have text."""

from typing import Any

import msgspec
from msgspec import Raw

from trimtab.llm.dialects._reading import BROKEN


def tool_input(arguments: str) -> dict[str, Any] | Raw:
    """``input`` must be an object, but arguments may be cut off or wrong, and the model must see what it wrote.

    Such text is wrapped the way Anthropic advises for handing invalid JSON back:
    https://docs.claude.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming. No text at all is how models
    of other vendors call a tool that takes nothing.
    """
    if not arguments.strip():
        return {}
    try:
        value: Any = msgspec.json.decode(arguments)
    except BROKEN:
        value = None
    return Raw(arguments.encode("utf-8")) if isinstance(value, dict) else {"INVALID_JSON": arguments}
