"""The data plane's routes: thin handlers on an `Exchange`, one per front; those that do more are in `server/fronts`."""

from collections.abc import Callable

from trimtab.core.clock import Clock
from trimtab.core.errors import TooLarge
from trimtab.gateway.counting import TokenCounter
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.passthrough_responses import is_at_provider
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.snapshot import Snapshot
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.transport import Transport
from trimtab.server.cycle import Handler, HotCycle
from trimtab.server.fronts.common import Door, front_of, refuse
from trimtab.server.fronts.counts import Counts
from trimtab.server.fronts.gemini import GeminiFront, model_in_path
from trimtab.server.fronts.model_lists import ModelLists
from trimtab.server.fronts.rerank import RerankFront
from trimtab.server.fronts.responses import START, ResponsesFront
from trimtab.server.holding import Holds
from trimtab.server.incoming import HotRoutes

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
    holds: Holds | None = None,
) -> HotRoutes:
    """Every route that the HTTP protocol serves without ASGI. Without ``conversations`` no response can be gone on from
    but those its provider keeps; without ``transport`` every token count is an estimate; without ``holds`` no answer
    waits for a person."""
    door = Door(snapshot, clock)
    counter = TokenCounter(snapshot, transport, gateway.apps)
    rerank = RerankFront(gateway)
    models, counts, gemini = ModelLists(door), Counts(door, counter), GeminiFront(gateway, door, counter)

    def too_large(cycle: HotCycle, limit: int) -> None:
        fix = "Send less, or raise TRIMTAB_MAX_BODY_MB on the server."
        refuse(cycle, front_of(cycle), TooLarge(f"The body is larger than {limit >> 20} MB.", fix=fix))

    def chat(name: str, handler: Handler | None = None, *, can: bool = True) -> Handler:
        front = DIALECTS.get(name)
        made = handler or _chat(gateway, front)
        if holds is None or front.operation != "chat":
            return made
        return holds.around(made, front, model_in_path if name == "gemini" else _model_in(front), can=can)

    routes: dict[tuple[bytes, bytes], Handler] = {(b"POST", path): chat(name) for path, name in FRONTS.items()}
    routes[b"POST", b"/v1/rerank"] = routes[b"POST", b"/v2/rerank"] = rerank.create
    routes[b"GET", b"/v1/models"] = models.all
    routes[b"GET", b"/v1beta/models"] = models.all
    routes[b"POST", b"/v1/messages/count_tokens"] = counts.anthropic
    routes[b"POST", b"/v1/responses/input_tokens"] = counts.openai
    under: list[tuple[bytes, bytes, Handler]] = [
        (b"POST", b"/v1beta/models/", chat("gemini", gemini.serve)),
        (b"POST", b"/v1/models/", chat("gemini", gemini.serve)),  # what google-genai calls since its version 3
        (b"GET", b"/v1beta/models/", models.one),
        (b"GET", b"/v1/models/", models.one),
    ]
    if conversations is None:
        routes[b"POST", b"/v1/responses"] = chat("openai_responses", can=False)
    else:
        responses = ResponsesFront(gateway, door, conversations)
        routes[b"POST", b"/v1/responses"] = chat("openai_responses", responses.create, can=False)
        under += [(b"GET", START, responses.read), (b"DELETE", START, responses.delete)]
    hot = HotRoutes(routes, max_body, too_large, tuple(under))
    hot.known = door.knows
    hot.elsewhere = lambda path: path.startswith(START) and is_at_provider(path.decode("latin-1"))
    return hot


def _chat(gateway: Gateway, front: Dialect) -> Handler:
    return lambda cycle: gateway.chat(cycle, front)


def _model_in(front: Dialect) -> Callable[[HotCycle], str]:
    return lambda cycle: front.peek(cycle.body).model
