"""The facts of one call that a route may decide by. What costs something is found out when first asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from trimtab.core.errors import TrimtabError
from trimtab.gateway.caller import Caller
from trimtab.gateway.routing.types import Ability
from trimtab.llm.dialects import Dialect, Head
from trimtab.llm.types import Image, Part, Reasoning, Refusal, Request, Text, ToolResult
from trimtab.scoring.language import language_of

TEXT_CHARACTERS = 4000
"""How much of the last thing said is looked at: a local embedder reads no more than its first few hundred tokens."""

if TYPE_CHECKING:
    from trimtab.llm.embedder import Vector


class Unknown(Exception):
    """A decision needs the embedding of the text, which is not there yet."""


class Ask(Struct, eq=False, kw_only=True):
    """``header`` gives the first header of a lower-case name; ``draw`` a random number in [0, 1); ``now_ns`` Unix ns.
    ``keeps_to`` is what the route's affinity keeps together; ``blind`` says why the text has no embedding although it
    was looked for. ``rehearsed``: no call comes of it, so nothing counts it.

    A body that its dialect cannot read in full has no text, tools or images as far as routing is concerned: whether it
    is refused is for the provider, or the translation, to say.
    """

    front: Dialect
    head: Head
    body: bytes
    caller: Caller
    key_id: str
    header: Callable[[bytes], bytes | None]
    now_ns: int
    draw: Callable[[], float]
    keeps_to: bytes = b""
    blind: str = ""
    rehearsed: bool = False
    _learnt: bool = False
    _vector: "Vector | None" = None
    _request: Request | bool | None = False
    _text: str | None = None

    def request(self) -> Request | None:
        """The call in canonical form, read once; None where it cannot be read."""
        if self._request is False:
            try:
                self._request = self.front.parse_request(self.body)
            except TrimtabError:
                self._request = None
        return self._request if isinstance(self._request, Request) else None

    def text(self) -> str:
        """The last thing a person said, cut to `TEXT_CHARACTERS`."""
        if self._text is None:
            request = self.request()
            said = "" if request is None else last_said(request)
            self._text = said[:TEXT_CHARACTERS]
        return self._text

    def learn(self, vector: "Vector | None", blind: str = "") -> None:
        """The embedding of `text` has been looked up; ``blind`` says why there is none."""
        self._learnt, self._vector, self.blind = True, vector, blind

    def vector(self) -> "Vector | None":
        """The embedding of `text`, None where there is none. Raises `Unknown` before `learn`."""
        if not self._learnt:
            raise Unknown
        return self._vector

    def has_tools(self) -> bool:
        # A look at the bytes first: reading the whole body costs a hundred times as much, and most have none.
        if b'"tools"' not in self.body:
            return False
        request = self.request()
        return request is not None and bool(request.tools)

    def has_images(self) -> bool:
        if b"image" not in self.body and b"inline" not in self.body and b"file" not in self.body:
            return False
        request = self.request()
        return request is not None and any(_shows(message.parts) for message in request.messages)

    def needs(self, ability: Ability) -> bool:
        """Whether the request asks for something that not every model can do."""
        if ability == "tools":
            return self.has_tools()
        if ability == "images":
            return self.has_images()
        if ability == "json_schema":
            if b"schema" not in self.body:
                return False
            request = self.request()
            return request is not None and (
                request.response_format is not None and request.response_format.kind == "json_schema"
            )
        request = self.request() if b"reasoning" in self.body or b"thinking" in self.body else None
        return request is not None and (request.reasoning_effort is not None or request.reasoning_budget is not None)

    def language(self) -> str:
        """Of `text`; empty where it cannot be told."""
        return language_of(self.text())

    def tokens_in(self) -> int:
        """About how many tokens the request has: a quarter of its bytes."""
        return len(self.body) // 4


def last_said(request: Request) -> str:
    """The text of the last user message that has any."""
    for message in reversed(request.messages):
        if message.role == "user" and (found := text_of(message.parts)):
            return found
    return ""


def text_of(parts: tuple[Part, ...]) -> str:
    """What the parts say, without hidden thinking."""
    found: list[str] = []
    for part in parts:
        match part:
            case Text() | Refusal():
                found.append(part.text)
            case ToolResult():
                found.append(text_of(part.parts))
            case Reasoning() | _:
                pass
    return "\n".join(text for text in found if text)


def _shows(parts: tuple[Part, ...]) -> bool:
    return any(isinstance(part, Image) or (isinstance(part, ToolResult) and _shows(part.parts)) for part in parts)
