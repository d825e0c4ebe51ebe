"""Bodies that came compressed, opened within a bound: what would grow beyond it is refused before it is there."""

import sys
import zlib
from importlib import import_module
from typing import Any, Final

from trimtab.core.errors import InvalidRequest, TooLarge

ENCODINGS: Final = ("identity", "gzip", "deflate", "zstd")
_STEP: Final = 1 << 20
_FED: Final = 1 << 16
"""Bytes given to a decompressor at once: what it leaves of them is copied, and a body may have many ends."""
MOST_MEMBERS: Final = 10_000
"""Members of gzip, or frames of zstd, in one body. Each costs some microseconds, also where it is empty."""


def unpack(body: bytes, encoding: str, limit: int, setting: str) -> bytes:
    """``body`` as it was before ``encoding`` (a content-encoding), at most ``limit`` bytes, which ``setting`` raises.

    Raises `TooLarge` with the limit, `InvalidRequest` for what is not of that encoding. Blocks for as long as it takes.
    """
    name = encoding.strip().lower() or "identity"
    if name == "identity":
        return body
    if name not in ENCODINGS:
        raise InvalidRequest(
            f"The content-encoding {encoding[:40]!r} is not known here.",
            fix=f"Use one of: {', '.join(ENCODINGS)}.",
            code="unknown_encoding",
            status=415,
        )
    try:
        opened = _zstd(body, limit) if name == "zstd" else _zlib(body, name, limit)
    except (zlib.error, EOFError, ValueError) as error:
        raise InvalidRequest(
            f"The body is not {name}: {error}.",
            fix="Compress it as the header 'content-encoding' says, or leave the header out.",
            code="bad_encoding",
        ) from None
    if opened is None:
        raise too_large(limit, setting)
    return opened


def too_large(limit: int, setting: str) -> TooLarge:
    return TooLarge(
        f"The body has more than {limit >> 20} MB ({limit} bytes), also counted as it is after decompression.",
        fix=f"Send smaller batches, or raise {setting}.",
    )


def _zlib(body: bytes, name: str, limit: int) -> bytes | None:
    """None: it would be larger than ``limit``. Gzip may have several members; deflate is zlib's format, or raw as some
    clients send it (RFC 9110, 8.4.1.2)."""
    if name == "gzip":
        bits = 16 + zlib.MAX_WBITS
    else:
        zlib_header = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        bits = zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS
    parts: list[bytes] = []
    room, at, members = limit, 0, 0
    while at < len(body) and (name == "gzip" or not members):
        members = _one_more(members)
        member, fed = zlib.decompressobj(bits), b""
        while not member.eof:
            if not fed:
                fed = body[at : at + _FED]
                at += len(fed)
            piece = member.decompress(fed, min(_STEP, room + 1))
            room -= len(piece)
            if room < 0:
                return None
            parts.append(piece)
            fed = member.unconsumed_tail
            if not piece and not fed and not member.eof and at == len(body):
                raise EOFError("it is cut off")
        at -= len(member.unused_data)
    return b"".join(parts)


def _one_more(members: int) -> int:
    if members == MOST_MEMBERS:
        raise ValueError(f"it has more than {MOST_MEMBERS} members, each compressed by itself")
    return members + 1


def _zstd(body: bytes, limit: int) -> bytes | None:
    """None: it would be larger than ``limit``. A frame's own word about its size is not believed."""
    zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    parts: list[bytes] = []
    room, at, members = limit, 0, 0
    try:
        while at < len(body):
            members = _one_more(members)
            frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})
            while not frame.eof:
                fed = body[at : at + _FED] if frame.needs_input else b""
                at += len(fed)
                piece: bytes = frame.decompress(fed, max_length=min(_STEP, room + 1))
                room -= len(piece)
                if room < 0:
                    return None
                parts.append(piece)
                if not piece and not frame.eof and frame.needs_input and at == len(body):
                    raise EOFError("it is cut off")
            at -= len(frame.unused_data)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from None
    return b"".join(parts)
