"""How much a batch may use at most, read off its input file: what limits reserve before the batch is made.

A line of the file is one call, https://platform.openai.com/docs/guides/batch: ``{"custom_id", "method", "url",
"body"}``. Of each the question is bounded by its bytes, as everywhere (`ledger/worst.py`), and the answer by the bound
that its body sets, if it sets one.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.carried_size import Size
from trimtab.gateway.speaking import READ_AT_ONCE
from trimtab.ledger.worst import most_input
from trimtab.llm.dialects._reading import BROKEN

MOST_BYTES = 256 * 1024 * 1024
"""Of an input file; OpenAI takes 200 MB."""
LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of one call with its pictures: what is not cut into lines would be held whole."""
_WRITES_NOTHING = ("/embeddings", "/moderations")


class _Body(Struct, frozen=True):
    model: str | None = None
    n: int | None = None
    best_of: int | None = None
    prompt: list[Any] | str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None


class _Line(Struct, frozen=True):
    body: _Body = _Body()
    url: str | None = None


class _Batch(Struct, frozen=True):
    input_file_id: str | None = None


_read = msgspec.json.Decoder(_Line, strict=False).decode
_read_batch = msgspec.json.Decoder(_Batch, strict=False).decode


def input_file_of(body: bytes) -> str:
    """The file that a request for a batch names; empty where it names none."""
    try:
        return _read_batch(body).input_file_id or ""
    except BROKEN:
        return ""


async def bound_of(pieces: AsyncIterator[bytes]) -> Size:
    """What all lines may use together. Raises `Uncountable` for one that is too large, empty, or no JSON lines."""
    counted, begun, size = _Counted(), bytearray(), 0

    async def count(line: bytes) -> None:
        if len(line) <= READ_AT_ONCE:
            counted.add(line)
        else:
            await asyncio.to_thread(counted.add, line)

    async for piece in pieces:
        size += len(piece)
        if size > MOST_BYTES:
            raise Uncountable(f"its input file is larger than {MOST_BYTES >> 20} MB")
        first, *more = piece.split(b"\n")
        begun += first
        for line in more:
            await count(bytes(begun))
            begun = bytearray(line)
        if len(begun) > LONGEST_LINE:
            raise Uncountable(f"a line of its input file is longer than {LONGEST_LINE >> 20} MB")
    await count(bytes(begun))
    return counted.size()


class _Counted:
    def __init__(self) -> None:
        self.input = self.output = self.open = self.longest = 0
        self.models: set[str] = set()

    def add(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            read = _read(line)
        except BROKEN:
            raise Uncountable("a line of its input file is no call") from None
        body = read.body
        self.models.add(body.model or "")
        tokens = most_input(line)
        self.input += tokens
        self.longest = max(self.longest, tokens)
        if (read.url or "").endswith(_WRITES_NOTHING):
            return
        choices = max(1, body.n or 1, body.best_of or 1) * _prompts(body.prompt)
        told = [each for each in (body.max_completion_tokens, body.max_tokens, body.max_output_tokens) if each]
        if told:
            self.output += max(0, *told) * choices
        else:
            self.open += choices

    def size(self) -> Size:
        if not self.models:
            raise Uncountable("there is no call in its input file")
        model = next(iter(self.models)) if len(self.models) == 1 else ""
        return Size(input=self.input, output=self.output, open=self.open, model=model, longest=self.longest)


def _prompts(prompt: list[Any] | str | None) -> int:
    """How many answers a line of text completion asks for: a list of texts, or of lists of tokens, is as many."""
    many = isinstance(prompt, list) and not all(isinstance(each, int) for each in prompt)
    return max(1, len(prompt)) if many and prompt is not None else 1


class Uncountable(InvalidRequest):
    """A limit counts tokens or money, and nobody can tell how much of it a batch may use."""

    code = "batch_uncountable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"A limit counts tokens or money, and what this batch may use cannot be told: {why}.",
            fix="Upload the calls as JSON lines, at most 256 MB, and name that file in 'input_file_id'.",
            param="input_file_id",
        )
