"""What these endpoints share: who is calling, in which dialect, and an answer to those who may not."""

from collections.abc import Callable
from urllib.parse import parse_qs, unquote

from trimtab.core.clock import Clock
from trimtab.core.errors import NotFound, TrimtabError, for_callers
from trimtab.core.ids import new_id
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.releasing import Asked
from trimtab.gateway.said import MAX_VALUE
from trimtab.gateway.snapshot import Snapshot
from trimtab.governance.access import Principal, Project
from trimtab.governance.admit import admit, secret_of
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.releases.resolve import Who
from trimtab.server.cycle import HotCycle

GEMINI_PATHS = (b"/v1beta/", b"/v1alpha/", b"/upload/")
BATCHED_ELSEWHERE = (
    "Send the calls one by one, to ':generateContent'; or as a batch to a provider of OpenAI's (/v1/files and "
    "/v1/batches) or Anthropic's (/v1/messages/batches)."
)
_AT_THE_VENDOR = "Call the vendor itself for it: it is neither limited nor recorded here then."
_NOT_OFFERED: tuple[tuple[str, str, str], ...] = (
    ("/v1/realtime", "Realtime sessions", "Speak with /v1/audio and /v1/chat/completions, or call the vendor itself."),
    ("/v1/live", "Live sessions", "Speak with /v1/audio and /v1/chat/completions, or call the vendor itself."),
    (
        "/v1/conversations",
        "Conversations of their own",
        (
            "Go on from an answer with previous_response_id, at any provider; one that the vendor keeps may be named "
            "in /v1/responses."
        ),
    ),
    ("/v1/responses/compact", "Compactions by themselves", _AT_THE_VENDOR),
    ("/v1/completions", "Completions of a prompt", "Send it to /v1/chat/completions as the message of a user."),
    ("/v1/assistants", "Assistants", "Use /v1/responses with previous_response_id."),
    ("/v1/threads", "Threads", "Use /v1/responses with previous_response_id."),
    ("/v1/complete", "Completions of a prompt", "Send it to /v1/messages as the message of a user."),
    *(
        (f"/v1/{name}", what, _AT_THE_VENDOR)
        for name, what in (
            ("vector_stores", "Vector stores"),
            ("moderations", "Moderations"),
            ("fine_tuning", "Fine-tuning"),
            ("uploads", "Uploads in parts"),
            ("containers", "Containers"),
            ("evals", "The vendor's evaluations"),
            ("videos", "Films"),
            ("skills", "Skills"),
        )
    ),
    *(
        (f"/{version}/{name}", what, _AT_THE_VENDOR)
        for version in ("v1beta", "v1alpha")
        for name, what in (
            ("cachedContents", "Cached contents"),
            ("files", "Google's files"),
            ("fileSearchStores", "File search stores"),
            ("interactions", "Interactions"),
            ("tunedModels", "Tuned models"),
        )
    ),
    *((f"/{version}/batches", "Google's batches", BATCHED_ELSEWHERE) for version in ("v1beta", "v1alpha")),
    *(
        (f"/v1/{name}", what, _AT_THE_VENDOR)  # where google-genai has them since its version 3
        for name, what in (
            ("cachedContents", "Cached contents"),
            ("fileSearchStores", "File search stores"),
            ("interactions", "Interactions"),
            ("tunedModels", "Tuned models"),
        )
    ),
    *((f"/upload/{version}", "Google's files", _AT_THE_VENDOR) for version in ("v1", "v1beta", "v1alpha")),
)
"""What vendors have and these endpoints do not: where it is, its name, and the way out."""


_NEARLY_OTLP = ("/v1/v1/traces", "/v1/v1/logs", "/v1/v1/metrics", "/v1/trace", "/v1/log", "/v1/metric", "/v1/spans")
OTLP_PLACES = (
    "OpenTelemetry is taken at /v1/traces, /v1/logs and /v1/metrics. OTEL_EXPORTER_OTLP_ENDPOINT is the address alone, "
    "to which exporters add these; an endpoint that is given in code, or for one signal, has its path."
)
"""Exporters add the path to the one variable and to nothing else, which is why half of them miss it."""


def front_of(cycle: HotCycle) -> Dialect:
    """Which client this is: by its path, and where that does not say, by what Anthropic's and Google's always send."""
    return front_at(cycle.path, cycle.header)


def front_at(path: bytes, header: Callable[[bytes], bytes | None]) -> Dialect:
    """The same of a path and a way to look a header up by its lower-case name."""
    if path.startswith(GEMINI_PATHS) or header(b"x-goog-api-key"):
        return DIALECTS.get("gemini")
    if path.startswith(b"/v1/messages") or header(b"anthropic-version"):
        return DIALECTS.get("anthropic_messages")
    return DIALECTS.get("openai_responses" if path.startswith(b"/v1/responses") else "openai_chat")


def nowhere(method: str, path: str) -> NotFound:
    """What is said of a path of the data plane at which there is nothing. Some clients add ``/v1`` to their base URL
    and some do not, so the way out names that mistake where it looks like it."""
    offered = next((row for row in _NOT_OFFERED if path == row[0] or path.startswith(f"{row[0]}/")), None)
    if offered is not None:
        return NotFound(f"{offered[1]} are not offered here.", fix=offered[2], code="not_offered")
    if path.startswith(_NEARLY_OTLP):
        fix = OTLP_PLACES
    elif path.startswith("/v1/v1/"):
        fix = f"The client adds '/v1' itself: leave it out of its base URL, so that it calls {path[3:100]}."
    elif path.startswith("/models/") and method == "POST":  # Google's clients have the model in their path
        fix = f"The client's base URL lacks '/v1beta': it should call /v1beta{path[:100]}."
    elif path.startswith(("/api/v1/", "/openai/")):
        called = path.removeprefix("/api").removeprefix("/openai").removeprefix("/v1")
        fix = f"Models are at '/v1' here: with that alone after the host, the client calls /v1{called[:100]}."
    elif not path.startswith(("/v1", "/v2/")):
        fix = f"The client's base URL lacks '/v1': it should call /v1{path[:100]}."
    else:
        fix = (
            "Models are called at /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings, /v1/rerank and "
            "/v1beta/models/MODEL:generateContent."
        )
    return NotFound(f"There is nothing at {method[:20]} {path[:200]}.", fix=fix, code="path_not_found")


def asked_by(cycle: HotCycle, principal: Principal) -> Asked:
    """Who asks about a call that is not made, as an app's rollout would see the call itself."""

    def told(name: bytes) -> str:
        return (cycle.header(name) or b"").decode("utf-8", "replace")[:MAX_VALUE]

    who = Who(new_id("req"), told(b"trimtab-user"), told(b"trimtab-session"))
    return Asked(who, cycle.header(b"trimtab-variables"), principal)


def refuse(exchange: Exchange, front: Dialect, error: TrimtabError) -> None:
    """Answer in the caller's dialect without a record: nothing was admitted."""
    error = for_callers(error)
    request_id = new_id("req")
    exchange.respond(error.status, b"x-request-id: %b\r\n" % request_id.encode(), front.render_error(error, request_id))


class Door:
    """Lets callers in by whatever their client sends the key in."""

    def __init__(self, snapshot: Callable[[], Snapshot], clock: Clock) -> None:
        self.snapshot = snapshot
        self.now_ns = clock.now_ns

    def admit(self, cycle: HotCycle) -> tuple[Principal, Project]:
        """Raises `TrimtabError`. Google's clients send ``x-goog-api-key``, or the query parameter ``key``."""
        header = cycle.header
        given = header(b"x-goog-api-key")
        if given is None and b"key=" in cycle.query:
            found = parse_qs(cycle.query.decode("latin-1")).get("key")
            given = found[0].encode("utf-8", "replace") if found else None
        secret = secret_of(header(b"authorization"), given or header(b"x-api-key"))
        return admit(self.snapshot().access, secret, header(b"trimtab-project"), self.now_ns())

    def knows(self, cycle: HotCycle) -> bool:
        """Whether the caller will be let in, as far as its headers tell."""
        try:
            self.admit(cycle)
        except TrimtabError:
            return False
        return True


def rest_of(cycle: HotCycle, start: bytes) -> str:
    """The path after ``start``, decoded."""
    return unquote(cycle.path[len(start) :].decode("latin-1"))
