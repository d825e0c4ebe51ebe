"""What is done with an answer, between one wait for it and the next: read, translated, kept for the books."""

from msgspec.structs import replace

from trimtab.core.errors import UpstreamFailure, UpstreamRejected
from trimtab.gateway.apps.fitting import fit, lost
from trimtab.gateway.call import Call
from trimtab.gateway.masking import masked, masked_text
from trimtab.gateway.money.spending import capped
from trimtab.gateway.relay import Relay, StandIn, named
from trimtab.gateway.route import Target
from trimtab.gateway.tried import Try
from trimtab.llm.dialects import Dialect, Glance, Splitter
from trimtab.llm.dialects._refusals import RATE_CODES, reason_of
from trimtab.llm.dialects._tool_names import fitted
from trimtab.llm.transport import Answer
from trimtab.llm.types import Response

SECOND = 1_000_000_000
RESPONSES = "openai_responses"
"""The dialect whose clients name earlier answers by their ids (`kept/conversations.py`)."""


class Opened:
    """An attempt that has begun to answer; nothing of it has reached the client. ``whole`` is a whole answer as the
    client gets it. Of a stream ``held`` is what came up to its first token; ``answer`` is None once the stream is over
    (then the connection is no longer ours)."""

    whole: bytes = b""
    relay: Relay | None = None
    splitter: Splitter | None = None
    answer: Answer | None = None

    def __init__(self, attempt: Try) -> None:
        self.attempt = attempt
        self.held: list[bytes] = []

    def discard(self) -> None:
        """Nobody wants it any more: hang up."""
        if self.answer is not None:
            self.answer.close()
            self.answer = None
        if self.relay is not None:
            note_relay(self.attempt, self.relay)


def upstream_body(call: Call, attempt: Try, dialect: Dialect) -> bytes:
    """What the target is sent: the client's own body where it speaks its dialect."""
    provider, model = attempt.target.provider, attempt.target.model
    if dialect is call.front:
        body = call.body
        if call.app is not None:
            body = _fitted(call, body, dialect, model.upstream)
        if call.output_cap is not None:
            body = capped(body, dialect.name, call.output_cap, provider.quirks)
        if call.original is not None or body is not call.body:
            attempt.request = body  # what was sent is not what the client wrote
        return dialect.forward(body, call.head, model.upstream, provider.quirks)
    request = call.front.parse_request(call.body)
    if call.output_cap is not None and request.max_tokens is None:
        request = replace(request, max_tokens=call.output_cap)
    if call.app is not None:
        _note_lost(call, dialect, model.upstream)
    request, attempt.renamed = fitted(request, dialect.name)
    attempt.request = dialect.render_request(request, model.upstream, provider.quirks)
    return attempt.request


def _fitted(call: Call, body: bytes, dialect: Dialect, model: str) -> bytes:
    """Without what its release says and this model refuses."""
    app = call.app
    if app is None or app.release is None or (overlay := app.release.overlay) is None or not overlay.touchy:
        return body
    body, names = fit(overlay, dialect, body, model)
    app.note_refused(names, model)
    return body


def _note_lost(call: Call, dialect: Dialect, model: str) -> None:
    app = call.app
    if app is not None and app.release is not None and (overlay := app.release.overlay) is not None and overlay.touchy:
        app.note_refused(lost(overlay, dialect.name, model), model)


def open_whole(call: Call, attempt: Try, dialect: Dialect, body: bytes) -> Opened:
    """An answer that is whole, read as far as the books need it."""
    status, headers = attempt.status, attempt.headers
    if status != 200:
        body = masked(body, attempt.target.provider)
    attempt.keep(body)
    if status != 200:
        raise rejected(dialect.parse_error(status, body, headers), attempt.target)
    opened = Opened(attempt)
    found: Glance | Response
    try:
        if dialect is call.front:
            found = dialect.glance(body)
            opened.whole = body
        else:
            found = response = dialect.parse_response(body)
            opened.whole = call.front.render_response(named(response, stand_in(call, attempt)))
    except UpstreamFailure as error:  # a 200 that holds no answer, but a refusal
        error.message = masked_text(error.message, attempt.target.provider)
        raise (rejected(error, attempt.target) if isinstance(error, UpstreamRejected) else error) from None
    attempt.usage, attempt.response_id, attempt.model_used = found.usage, found.id, found.model
    attempt.stop = found.stop
    return opened


def fed(attempt: Try, relay: Relay, block: bytes) -> bytes:
    """What the client gets for a block of the stream, which is remembered; an error event without our secrets."""
    try:
        out = relay.feed(block)
    except BaseException:
        attempt.keep(block)
        raise
    if relay.failed is not None:
        block, out = masked(block, attempt.target.provider), masked(out, attempt.target.provider)
    attempt.keep(block)
    return out


def at_its_end(attempt: Try, relay: Relay, splitter: Splitter) -> bytes:
    """The provider has ended its stream without the dialect's own end: what is still owed to the client, if that was
    all. Raises `UpstreamFailure` if it was not."""
    if rest := splitter.rest():
        attempt.keep(rest)
    out = relay.close()
    note_relay(attempt, relay)
    if not relay.finished:
        reason = "The provider ended its stream in the middle of an answer."
        if relay.failed is not None:
            reason = masked_text(relay.failed, attempt.target.provider)
        raise UpstreamFailure(reason, code="upstream_stream_cut")
    return out


def note_relay(attempt: Try, relay: Relay) -> None:
    attempt.usage, attempt.response_id, attempt.model_used = relay.usage, relay.id, relay.model
    attempt.stop = relay.stop


def stand_in(call: Call, attempt: Try) -> StandIn:
    own = answer_id(call.request_id) if call.front.name == RESPONSES else ""
    model, created = attempt.target.model.upstream, call.started_ns // SECOND
    return StandIn(call.request_id, model, created, own, call.head.base64, attempt.renamed)


def answer_id(request_id: str) -> str:
    """The id of a response that was translated: made of its request's, so that either leads to the other."""
    return "resp_" + request_id.removeprefix("req_")


def refused_in_stream(words: str, code: str) -> UpstreamFailure:
    """A stream that failed before its first token, in the provider's words. Where they or its code say what it means,
    it is the refusal that it would have been without a stream: OpenAI's Responses say within it that a prompt is too
    long, Z.ai by a number that a filter had something against it."""
    reason = reason_of(400, code, words)
    if not reason and code not in RATE_CODES:
        return UpstreamFailure(words, code="upstream_stream_error")
    status = 429 if not reason else 402 if reason == "no_money" else 400
    error = UpstreamRejected(words, status=status)
    error.reason = reason
    return error


def rejected(error: UpstreamRejected, target: Target) -> UpstreamRejected:
    """A provider's refusal as the client should read it. One of *our* key must not look like one of the client's; what
    a filter found is about neither."""
    if error.status in (401, 403) and error.reason != "filtered":
        error.code = "provider_key_refused"
        error.message = f"The provider {target.provider.name!r} refused this server's key: {error.message}"
        error.fix = "Your own key is fine: the operator must give this provider a valid key."
    return error
