"""What a client says about its call beside the question (`said.py` reads it)."""

from msgspec import Struct

from trimtab.core.errors import InvalidRequest

RESERVED = "trimtab."


class Caller(Struct, frozen=True, kw_only=True):
    trace_id: str
    parent_span_id: str = ""
    tracestate: bytes = b""
    session: str = ""
    user: str = ""
    feature: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    user_agent: str = ""
    data_class: str = ""


def refuse_reserved(caller: Caller) -> None:
    """Raises `InvalidRequest` for a feature of the server's own: budgets and reports of guards, judges and the
    playground go by these, and a client that took such a name would spend them."""
    if caller.feature.startswith(RESERVED):
        raise InvalidRequest(
            f"A feature's name cannot begin with {RESERVED!r}: those are the server's own.",
            fix="Give another name in the header 'trimtab-feature'.",
            code="feature_reserved",
            param="trimtab-feature",
        )
