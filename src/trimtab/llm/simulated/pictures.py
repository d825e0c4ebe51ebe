"""The one thing a simulated model sees in a picture: the colour of a PNG's first pixel. https://www.w3.org/TR/png-3/"""

import base64
import struct
import zlib

_MAGIC = b"\x89PNG\r\n\x1a\n"
_LARGEST = 1 << 20


def colour_of(data: str) -> str:
    """``red``, ``green`` or ``blue``, whichever is strongest in a base64 PNG of 8-bit RGB; ``grey`` for all else."""
    try:
        picture = base64.b64decode(data, validate=True)
        kind, packed = _chunks(picture)
        pixel = zlib.decompressobj().decompress(packed, _LARGEST)[1:4]  # after the first row's filter byte
    except (ValueError, struct.error, zlib.error):
        return "grey"
    if kind != (8, 2) or len(pixel) != 3 or len(set(pixel)) == 1:
        return "grey"
    return ("red", "green", "blue")[pixel.index(max(pixel))]


def _chunks(picture: bytes) -> tuple[tuple[int, int], bytes]:
    """Bit depth with colour type, and the packed pixels. Raises `ValueError`, `struct.error`."""
    if not picture.startswith(_MAGIC):
        raise ValueError("not a PNG")
    at, kind, packed = len(_MAGIC), (0, 0), b""
    while at < len(picture):
        length, name = struct.unpack_from(">I4s", picture, at)
        body = picture[at + 8 : at + 8 + length]
        if name == b"IHDR":
            kind = struct.unpack_from(">BB", body, 8)
        elif name == b"IDAT":
            packed += body
        at += 12 + length
    return kind, packed
