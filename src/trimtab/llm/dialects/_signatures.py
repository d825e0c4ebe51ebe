"""Signed thoughts on their way through other vendors' clients.

A vendor signs (or encrypts) what its model thought, and refuses a signature that is not its own. The canonical form in
`Reasoning.signature` says whose it is: ``<dialect>:<text>``, and bare text for Anthropic's (its signatures hold at
every vendor that serves its models). A client hands back what it was given, so the same mark travels on its wire
wherever the signature is not of the client's own dialect. A provider is shown only its own.
"""

import base64
import binascii

ANTHROPIC = "anthropic_messages"
_REDACTED = f"{ANTHROPIC}.redacted"
_MARKED = ("openai_responses", "gemini", "openai_chat")
_MARKS = tuple(f"{name}:" for name in (ANTHROPIC, _REDACTED, *_MARKED))


def signed_by(dialect: str, text: str) -> str:
    """The canonical form of what a provider of ``dialect`` signed."""
    return f"{dialect}:{text}"


def own_signature(dialect: str, signature: str | None) -> str | None:
    """What a provider of ``dialect`` may be shown: its own text; None for no signature or another vendor's."""
    if signature is None:
        return None
    mark = f"{dialect}:"
    return signature[len(mark) :] if signature.startswith(mark) else None


def is_marked(signature: str) -> bool:
    """Whether a canonical signature is another vendor's than Anthropic's."""
    return signature.startswith(tuple(f"{name}:" for name in _MARKED))


def for_client(dialect: str, signature: str | None, redacted: str | None = None) -> str | None:
    """What a client of ``dialect`` is given to hand back: a signature, or a redacted block's data."""
    if redacted is not None:
        return f"{_REDACTED}:{redacted}"
    if signature is None:
        return None
    own = own_signature(dialect, signature)
    if own is not None:
        return own
    return signature if is_marked(signature) else f"{ANTHROPIC}:{signature}"


def from_client(dialect: str, wire: str) -> tuple[str | None, str | None]:
    """Canonical signature and redacted data of what a client of ``dialect`` handed back; one of them is None."""
    if not wire.startswith(_MARKS):
        return f"{dialect}:{wire}", None
    mark, _, text = wire.partition(":")
    if mark == _REDACTED:
        return None, text
    return (text if mark == ANTHROPIC else wire), None


def holds_foreign(dialect: str, body: bytes) -> bool:
    """Whether a client's body may hold a signature of another vendor than its own dialect's. A hit within somebody's
    words costs a needless reading."""
    return any(mark in body for mark in _FOREIGN[dialect])


def to_base64(wire: str) -> str:
    """For a wire whose signatures are bytes: a marked text in base64; a vendor's own passes as it is."""
    return base64.b64encode(wire.encode("utf-8")).decode() if wire.startswith(_MARKS) else wire


def from_base64(wire: str) -> str:
    """Undoes `to_base64`: text that does not decode to a mark is the vendor's own."""
    try:
        text = base64.b64decode(wire.encode("utf-8"), altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return wire
    return text if text.startswith(_MARKS) else wire


_FOREIGN = {
    ANTHROPIC: tuple(f'"{name}:'.encode() for name in _MARKED),
    "openai_responses": tuple(f'"{mark}'.encode() for mark in _MARKS if not mark.startswith("openai_responses")),
    # base64 of a mark begins like this whatever follows it
    "gemini": tuple(
        b'"' + base64.b64encode(mark.encode())[: len(mark) // 3 * 4] for mark in _MARKS if not mark.startswith("gemini")
    ),
}
"""How a signature of another vendor begins on each wire."""
