"""The data plane's routes: thin handlers on an `Exchange`, one per front; those that do more are in `server/fronts`."""

from collections.abc import Callable

from trimtab.core.clock import Clock
from trimtab.core.errors import TooLarge
from trimtab.gateway.counting import TokenCounter
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.snapshot import Snapshot
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.transport import Transport
from trimtab.server.fronts.common import Door, front_of, refuse
from trimtab.server.fronts.counts import Counts
from trimtab.server.fronts.gemini import GeminiFront
from trimtab.server.fronts.model_lists import ModelLists
from trimtab.server.fronts.responses import START, ResponsesFront
from trimtab.server.hot import Handler, HotCycle, HotRoutes

FRONTS = {
    b"/v1/chat/completions": "openai_chat",
    b"/v1/messages": "anthropic_messages",
    b"/v1/embeddings": "openai_embeddings",
    b"/v1/rerank": "cohere_rerank",
    b"/v2/rerank": "cohere_rerank",
}


def hot_routes(
    gateway: Gateway,
    snapshot: Callable[[], Snapshot],
    clock: Clock,
    max_body: int,
    *,
    conversations: Conversations | None = None,
    transport: Transport | None = None,
) -> HotRoutes:
    """Every route that the HTTP protocol serves without ASGI. Without ``conversations`` no response can be gone on from
    but those its provider keeps; without ``transport`` every token count is an estimate."""
    door = Door(snapshot, clock)
    counter = TokenCounter(snapshot, transport, gateway.apps)
    models, counts, gemini = ModelLists(door), Counts(door, counter), GeminiFront(gateway, door, counter)

    def too_large(cycle: HotCycle, limit: int) -> None:
        fix = "Send less, or raise TRIMTAB_MAX_BODY_MB on the server."
        refuse(cycle, front_of(cycle), TooLarge(f"The body is larger than {limit >> 20} MB.", fix=fix))

    routes: dict[tuple[bytes, bytes], Handler] = {
        (b"POST", path): _chat(gateway, DIALECTS.get(name)) for path, name in FRONTS.items()
    }
    routes[b"GET", b"/v1/models"] = models.all
    routes[b"GET", b"/v1beta/models"] = models.all
    routes[b"POST", b"/v1/messages/count_tokens"] = counts.anthropic
    routes[b"POST", b"/v1/responses/input_tokens"] = counts.openai
    under: list[tuple[bytes, bytes, Handler]] = [
        (b"POST", b"/v1beta/models/", gemini.serve),
        (b"POST", b"/v1/models/", gemini.serve),  # what google-genai calls since its version 3
        (b"GET", b"/v1beta/models/", models.one),
        (b"GET", b"/v1/models/", models.one),
    ]
    if conversations is None:
        routes[b"POST", b"/v1/responses"] = _chat(gateway, DIALECTS.get("openai_responses"))
    else:
        responses = ResponsesFront(gateway, door, conversations)
        routes[b"POST", b"/v1/responses"] = responses.create
        under += [(b"GET", START, responses.read), (b"DELETE", START, responses.delete)]
    hot = HotRoutes(routes, max_body, too_large, tuple(under))
    hot.known = door.knows
    return hot


def _chat(gateway: Gateway, front: Dialect) -> Handler:
    return lambda cycle: gateway.chat(cycle, front)
