"""A call is read: what its body asks for, what its client says of it, and by when it wants its answer."""

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.call import REQUEST, Call
from trimtab.gateway.deadline import read_deadlines, read_priority
from trimtab.gateway.said import read_caller
from trimtab.governance.admit import check_model


def read(call: Call) -> None:
    """Fill in what the call says. Raises `InvalidRequest` where it cannot be read."""
    try:
        check_utf8(call.body)
        call.head = call.front.peek(call.body)
    except InvalidRequest:
        _refuse_compressed(call.exchange.header(b"content-encoding"))
        raise
    finally:
        call.caller = read_caller(call.exchange, call.head, call.request_id.removeprefix(REQUEST))
    if call.principal is not None and call.principal.models is not None:
        check_model(call.principal, call.head.model)
    read_deadlines(call)
    if not call.exchange.quiet or (call.principal is not None and call.principal.highest_priority is not None):
        read_priority(call)


def _refuse_compressed(encoding: bytes | None) -> None:
    """Say of a body that cannot be read that it is compressed, where its client said so: the vendors take none either,
    and to be told of a wrong byte leads nowhere."""
    name = (encoding or b"").decode("latin-1").strip().lower()
    if name not in ("", "identity"):
        raise InvalidRequest(
            f"The body is compressed (content-encoding: {name[:40]}), and calls of models are not read so.",
            fix="Send it as it is, without the header 'content-encoding'.",
            code="unknown_encoding",
            status=415,
        ) from None


def check_utf8(body: bytes) -> None:
    """JSON is UTF-8 (RFC 8259); what passes through undecoded must be too, or a provider gets what it cannot read."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(
                f"The body is not valid UTF-8 at byte {error.start}.", fix="Send JSON encoded as UTF-8."
            ) from None
