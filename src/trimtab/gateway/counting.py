"""How many tokens a call would have: the provider's own count where it has one, else our estimate, marked as such.

No model is called and nothing is paid, so no record is left.
"""

from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError, Unsupported, UpstreamFailure, UpstreamRejected
from trimtab.gateway.apps.types import Ready
from trimtab.gateway.endpoints import render_endpoint
from trimtab.gateway.releasing import Apps, Asked
from trimtab.gateway.route import Target, candidates
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Provider, dialect_for
from trimtab.governance.access import Project
from trimtab.governance.admit import check_model
from trimtab.guard.spec import Chain
from trimtab.ledger.estimate import estimate_tokens
from trimtab.llm.counting import count_body, count_place, counting_dialect, read_count
from trimtab.llm.dialects import Dialect
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects._tool_names import fitted
from trimtab.llm.transport import Transport
from trimtab.llm.types import Message, Part, Reasoning, Refusal, Request, Text, ToolCall, ToolResult
from trimtab.llm.waiting import StaleConnection

LONGEST_S = 10.0
"""A count is asked for while somebody waits to make the call itself."""
_CALLERS_FAULT = (400, 413, 422)


class Count(Struct, frozen=True):
    tokens: int
    estimated: bool


class TokenCounter:
    def __init__(self, snapshot: Callable[[], Snapshot], transport: Transport | None, apps: Apps | None = None) -> None:
        """Without a transport every count is an estimate. ``apps`` are those of the gateway whose calls are counted."""
        self._snapshot = snapshot
        self._transport = transport
        self._apps = apps or Apps()

    async def count(
        self, front: Dialect, project: Project, model: str, call: bytes, asked: Asked | None = None
    ) -> Count:
        """``call`` is the body of a whole call in the client's dialect; of an app it is counted with what the release
        adds. Raises `TrimtabError` where it is wrong."""
        if asked is not None and asked.principal is not None:
            check_model(asked.principal, model)
        apps = self._snapshot().apps.get(project.id)
        release = None
        if apps is not None and (named := apps.find(model)) is not None:
            release, call = await self._apps.counted(front, project.id, named, apps, call, asked or Asked())
        request = front.parse_request(call)
        target = self._target(project, model) if release is None else _only(release)
        governed = self._snapshot().governed.get(project.id)
        guards = self._snapshot().guards.get(project.id)
        if guards is not None and takes_out(guards.chain(model, () if release is None else release.guards)):
            target = None  # the whole text would go there, with what guards keep from it
        if governed is not None and governed.engine is not None:
            target = None  # a count is asked of a provider with the whole text: policies may forbid that
        if target is not None and self._transport is not None and target.provider.base_url:
            dialect = counting_dialect(dialect_for(target.provider, front), target.provider.quirks)
            if dialect is not None:
                told = await self._ask(front, dialect, target, request, call)
                if told is not None:
                    return Count(told, estimated=False)
        return Count(estimated(request), estimated=True)

    def _target(self, project: Project, model: str) -> Target | None:
        """The first place the model's name means; None for a route, which may mean several."""
        snapshot = self._snapshot()
        routes = snapshot.routes.get(project.id)
        if routes is not None and routes.get(model) is not None:
            return None
        targets = snapshot.targets.get(project.id)
        if targets is None:
            raise NotFound(f"There is no model {model[:80]!r}.", code="model_not_found", param="model")
        return candidates(targets, model)[0]

    async def _ask(self, front: Dialect, dialect: Dialect, target: Target, request: Request, call: bytes) -> int | None:
        """The provider's count; None where it has none to give now."""
        provider, model = target.provider, target.model.upstream
        own = bool(provider.quirks.counter)  # beside the calls, and perhaps older than they are: else the estimate
        try:
            whole = _rendered(front, dialect, request, call, target)
        except Unsupported:
            if own:
                return None
            raise
        base, path = count_place(provider.base_url, dialect, model, provider.quirks)
        asked = count_body(dialect, whole, model, provider.quirks)
        try:
            status, body, headers = await self._post(provider, dialect, base, path, asked)
            if status == 200:
                return read_count(dialect, body, provider.quirks)
        except TrimtabError:
            return None
        if status in _CALLERS_FAULT and not own:
            raise _refused(dialect.parse_error(status, body, headers))
        return None

    async def _post(
        self, provider: Provider, dialect: Dialect, base: str, path: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        assert self._transport is not None
        endpoint = render_endpoint(provider, base, path, dialect)
        endpoint = msgspec.structs.replace(endpoint, total_s=LONGEST_S, first_byte_s=LONGEST_S)
        extra = b""
        if endpoint.ready is not None and endpoint.sign is not None:
            await endpoint.ready()
            extra = endpoint.sign(body, 0)
        may_repeat = True
        while True:
            try:
                answer = await self._transport.post(endpoint, body, extra)
                content = await answer.read()
            except StaleConnection:
                continue
            except UpstreamFailure as error:
                if error.code != "upstream_reset" or not may_repeat:
                    raise
                may_repeat = False  # it may have been read, but to count twice costs nobody anything
                continue
            return answer.status, content, dict(answer.headers)


def _rendered(front: Dialect, dialect: Dialect, request: Request, call: bytes, target: Target) -> bytes:
    """The call as it would be sent."""
    quirks, model = target.provider.quirks, target.model.upstream
    if dialect is front:
        return dialect.forward(call, front.peek(call), model, quirks)
    return dialect.render_request(fitted(request, dialect.name)[0], model, quirks)


def takes_out(found: Chain | None) -> bool:
    """Whether guards may keep anything of what is asked from a provider."""
    if found is None:
        return False
    return bool(found.broken) or any(each.acts for each in found.at("input", "retrieved", "tool_result"))


def _only(release: Ready) -> Target | None:
    """The one place where a release's calls go; None where there may be several."""
    leaves = () if release.route is None else release.route.leaves
    return leaves[0].target if len(leaves) == 1 else None


def _refused(error: UpstreamRejected) -> UpstreamRejected:
    error.fix = error.fix or "Correct the call: its provider would refuse it as well."
    return error


def estimated(request: Request) -> int:
    """From the text of the messages and the tools."""
    texts = [_text(message) for message in request.messages]
    texts += [msgspec.json.encode(tool).decode() for tool in request.tools]
    return sum(estimate_tokens(text) for text in texts)


def _text(message: Message) -> str:
    return "\n".join(_words(part) for part in message.parts)


def _words(part: Part) -> str:
    match part:
        case Text() | Reasoning() | Refusal():
            return part.text
        case ToolCall():
            return part.name + part.arguments
        case ToolResult():
            return "\n".join(_words(inner) for inner in part.parts)
        case _:
            return ""


def with_member(body: bytes, name: str, value: bytes) -> bytes:
    """A counter's body as a whole call's: with a member that only calls must have. Raises `InvalidRequest`."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Raw])
    except BROKEN:
        raise InvalidRequest("The body is not a JSON object.") from None
    fields.setdefault(name, Raw(value))
    return msgspec.json.encode(fields)
