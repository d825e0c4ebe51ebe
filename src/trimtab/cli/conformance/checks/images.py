"""A picture in the question is seen."""

import base64
import struct
import zlib

from trimtab.cli.conformance.checks._asking import BOUND, must_hold, quoted
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.types import Image, Message, Request, Text

_SIDE = 64
_COLOURS = ("red", "green", "blue")


def png(red: int, green: int, blue: int) -> bytes:
    """A square of one colour. https://www.w3.org/TR/png-3/"""
    row = b"\x00" + bytes((red, green, blue)) * _SIDE
    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(row * _SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _run(bench: Bench) -> str:
    told: list[str] = []
    # two colours: one might be guessed
    for colour, pixel in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        picture = Image(data=base64.b64encode(png(*pixel)).decode(), media_type="image/png")
        question = Text("Which colour is this picture? Answer with one word: red, green or blue.")
        request = Request(model="", messages=(Message("user", (picture, question)),), max_tokens=BOUND)
        answer = bench.front.ask(request)
        told.append(must_hold(answer, colour, f"The picture is {colour}."))
        others = [other for other in _COLOURS if other != colour and other in answer.text.casefold()]
        if others:  # who names all three has seen none
            raise Fails(f"The picture is {colour}. The answer names {' and '.join(others)}, too: {quoted(answer.text)}")
    return f"red: {told[0]}; blue: {told[1]}"


PLUG = Check(title="pictures are seen", run=_run)
