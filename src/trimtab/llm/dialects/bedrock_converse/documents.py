"""Documents in a Converse call as Bedrock takes them: each of another name, beside a text, and five at most.

"Messages can't contain duplicate document names", whole conversations through
(https://github.com/maximhq/bifrost/issues/7003, https://github.com/ag-ui-protocol/ag-ui/issues/2425), without regard to
case (https://github.com/aws-samples/sample-strands-agent-with-agentcore/pull/290); "A text block must be included when
using documents" (https://github.com/maximhq/bifrost/pull/5817); "You can't include more than 5 documents in a request"
(https://github.com/aws-samples/generative-ai-use-cases/issues/1685).
"""

from collections.abc import Iterator
from typing import Any

from trimtab.core.errors import Unsupported

Wire = dict[str, Any]
MOST = 5
_LONGEST = 200
BESIDE = "A document:"


def place_documents(messages: list[Wire]) -> None:
    """In place. Raises `Unsupported` for more of them than a call may hold."""
    seen: set[str] = set()
    number = 0
    for message in messages:
        blocks: list[Wire] = message["content"]
        for document in _documents(blocks):
            number += 1
            document["name"] = _another(document["name"], seen)
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            at = next(index for index, block in enumerate(blocks) if "document" in block)
            blocks.insert(at, {"text": BESIDE})
    if number > MOST:
        raise Unsupported(
            f"{number} documents cannot be translated: this provider takes at most {MOST} in a call.",
            fix="Send fewer, or their text, or call a model of another provider.",
            param="messages",
        )


def _documents(blocks: list[Wire]) -> Iterator[Wire]:
    """Also what tools gave back."""
    for block in blocks:
        if "document" in block:
            yield block["document"]
        elif "toolResult" in block:
            yield from _documents(block["toolResult"]["content"])


def _another(name: str, seen: set[str]) -> str:
    """The same names in the same order become the same, so that a conversation stays one to a prompt cache."""
    found, number = name, 1
    while found.lower() in seen:
        number += 1
        mark = f" ({number})"
        found = name[: _LONGEST - len(mark)].rstrip() + mark
    seen.add(found.lower())
    return found
