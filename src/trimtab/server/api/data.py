"""The data plane's handlers: thin, on an `Exchange`, one per front."""

from collections.abc import Callable

import msgspec

from trimtab.core.clock import Clock
from trimtab.core.errors import TooLarge, TrimtabError
from trimtab.core.ids import new_id
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Model
from trimtab.governance.admit import admit, secret_of
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.server.hot import Handler, HotRoutes

FRONTS = {b"/v1/chat/completions": "openai_chat", b"/v1/messages": "anthropic_messages"}


def hot_routes(gateway: Gateway, snapshot: Callable[[], Snapshot], clock: Clock, max_body: int) -> HotRoutes:
    """Every route that the HTTP protocol serves without ASGI."""
    fronts = {path: DIALECTS.get(name) for path, name in FRONTS.items()}
    lister = ModelList(snapshot, clock)

    def too_large(exchange: Exchange, limit: int) -> None:
        fix = "Send less, or raise TRIMTAB_MAX_BODY_MB on the server."
        refuse(exchange, _front(exchange), TooLarge(f"The body is larger than {limit >> 20} MB.", fix=fix))

    routes: dict[tuple[bytes, bytes], Handler] = {
        (b"POST", path): _chat(gateway, dialect) for path, dialect in fronts.items()
    }
    routes[b"GET", b"/v1/models"] = lister.serve
    return HotRoutes(routes, max_body, too_large)


def refuse(exchange: Exchange, front: Dialect, error: TrimtabError) -> None:
    """Answer in the caller's dialect without a record: nothing was admitted."""
    request_id = new_id("req")
    exchange.respond(error.status, b"x-request-id: %b\r\n" % request_id.encode(), front.render_error(error, request_id))


def _chat(gateway: Gateway, front: Dialect) -> Handler:
    async def serve(exchange: Exchange) -> None:
        await gateway.chat(exchange, front)

    return serve


def _front(exchange: Exchange) -> Dialect:
    """Which client this is, where the path does not say: Anthropic's always sends its version."""
    name = "anthropic_messages" if exchange.header(b"anthropic-version") else "openai_chat"
    return DIALECTS.get(name)


class ModelList:
    """``GET /v1/models``: the models of the caller's project, in the shape its client expects.

    OpenAI: https://platform.openai.com/docs/api-reference/models/list
    Anthropic: https://docs.anthropic.com/en/api/models-list
    """

    def __init__(self, snapshot: Callable[[], Snapshot], clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock

    async def serve(self, exchange: Exchange) -> None:
        try:
            models = self._models(exchange)
        except TrimtabError as error:
            refuse(exchange, _front(exchange), error)
            return
        shape = _anthropic_list if exchange.header(b"anthropic-version") else _openai_list
        exchange.respond(200, b"", msgspec.json.encode(shape(models)))

    def _models(self, exchange: Exchange) -> list[Model]:
        snapshot = self._snapshot()
        header = exchange.header
        secret = secret_of(header(b"authorization"), header(b"x-api-key"))
        _, project = admit(snapshot.access, secret, header(b"trimtab-project"), self._clock.now_ns())
        targets = snapshot.targets.get(project.id)
        return sorted(targets.models.values(), key=lambda model: model.name) if targets else []


def _openai_list(models: list[Model]) -> dict[str, object]:
    items = [{"id": m.name, "object": "model", "created": 0, "owned_by": m.provider} for m in models]
    return {"object": "list", "data": items}


def _anthropic_list(models: list[Model]) -> dict[str, object]:
    items = [
        {"type": "model", "id": m.name, "display_name": m.name, "created_at": "1970-01-01T00:00:00Z"} for m in models
    ]
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return {"data": items, "has_more": False, "first_id": first, "last_id": last}
