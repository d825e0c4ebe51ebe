"""A client's body with what its URL said, as members ``model`` and ``stream`` at its end; and without them again.

Both are cuts of bytes: nothing is decoded. What is no JSON object is left as it is, for the reader to complain of.
"""

import msgspec

_encode = msgspec.json.Encoder().encode


def framed(body: bytes, model: str, *, stream: bool) -> bytes:
    """The body as the front reads it. Members of these names that the client itself sent give way: the last counts."""
    stripped = body.strip()
    if not stripped.startswith(b"{") or not stripped.endswith(b"}"):
        return body
    inside = stripped[1:-1].rstrip()
    return b"{%b%b%b" % (inside, b"," if inside else b"", _members(model, stream=stream))


def unframed(body: bytes, model: str, *, stream: bool) -> bytes | None:
    """The body as its client sent it; None if it does not end as `framed` makes it."""
    members = _members(model, stream=stream)
    if not body.endswith(members):
        return None
    return body[: -len(members)].removesuffix(b",") + b"}"


def _members(model: str, *, stream: bool) -> bytes:
    return b'"model":%b,"stream":%b}' % (_encode(model), b"true" if stream else b"false")
