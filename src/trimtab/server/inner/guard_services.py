"""How guards reach the guard services of their project: by the gateway's own pooled client, so that addresses at which
a machine's secrets are stay out of reach (`llm/reach.py`), and no call waits longer than its guard's timeout."""

from collections.abc import Awaitable, Callable
from typing import Final

from trimtab.core.errors import InvalidRequest, NotFound, UpstreamFailure
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.store import Sealed, check_base_url, check_secret
from trimtab.governance.secrets import SecretBox
from trimtab.guard.services import Service, secret_of
from trimtab.llm.endpoint import Endpoint, render_head, split_url
from trimtab.llm.transport import Transport
from trimtab.llm.waiting import StaleConnection

MOST_ANSWER: Final = 1 << 20
"""Bytes of a service's answer."""
CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
"""At most; a guard's own timeout is shorter."""
OK: Final = 200
Reach = Callable[[str, bytes], Awaitable[bytes]]


class GuardServices:
    """Makes `Tools.reach` bound to one project."""

    def __init__(self, transport: Transport, snapshot: Callable[[], Snapshot], box: SecretBox) -> None:
        self._transport = transport
        self._snapshot = snapshot
        self._box = box
        self._made: dict[tuple[str, str], tuple[Service, Endpoint]] = {}

    def reach(self, project_id: str) -> Reach:
        async def ask(name: str, body: bytes) -> bytes:
            return await self._ask(project_id, name, body)

        return ask

    async def _ask(self, project_id: str, name: str, body: bytes) -> bytes:
        endpoint = self._endpoint(project_id, name)
        try:
            try:
                return await self._posted(endpoint, body)
            except StaleConnection:  # a kept connection was closed before the question came there
                return await self._posted(endpoint, body)
            except UpstreamFailure as error:
                if error.code != "upstream_reset":
                    raise
                return await self._posted(endpoint, body)  # to look twice harms nobody
        except StaleConnection:
            raise UpstreamFailure(
                f"The guard service {name!r} closes its connections.", code="upstream_reset"
            ) from None
        except UpstreamFailure as error:
            said = error.message.replace("The provider", "It")
            raise UpstreamFailure(f"The guard service {name!r}: {said}", code=error.code) from error

    async def _posted(self, endpoint: Endpoint, body: bytes) -> bytes:
        answer = await self._transport.post(endpoint, body)
        held = True
        try:
            await answer.head()
            if answer.status != OK:
                raise UpstreamFailure(f"It answered {answer.status}.", code="guard_service_failed")
            parts: list[bytes] = []
            size = 0
            while (part := await answer.chunk()) is not None:
                parts.append(part)
                size += len(part)
                if size > MOST_ANSWER:
                    raise UpstreamFailure(f"It answered more than {MOST_ANSWER:,} bytes.", code="upstream_too_large")
            held = False
            return b"".join(parts)
        finally:
            if held:  # also where its guard has waited long enough
                answer.close()

    def _endpoint(self, project_id: str, name: str) -> Endpoint:
        found = self._snapshot().guard_services.get((project_id, name))
        if found is None:
            raise NotFound(
                f"There is no guard service {name!r} in this project.",
                fix=f"Add it: trimtab guards service {name} URL",
            )
        known = self._made.get((project_id, name))
        if known is None or known[0] != found:
            known = self._made[project_id, name] = (found, endpoint_of(found, secret_of(self._box, found)))
        return known[1]


def endpoint_of(found: Service, secret: str) -> Endpoint:
    headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "trimtab-guard"}
    if secret:
        headers[found.header] = secret
    origin, path = split_url(found.url)
    return Endpoint(
        origin=origin,
        head=render_head(origin, path or "/", headers),
        connect_s=CONNECT_S,
        first_byte_s=ANSWER_S,
        idle_s=ANSWER_S,
        total_s=ANSWER_S,
    )


def check_service(url: str, header: str, secret: str) -> str:
    """The URL as it is kept. Raises `InvalidRequest` for one that no service can have, and for what cannot travel in a
    header."""
    try:
        made = check_base_url(url)
        check_secret(Sealed(headers={header: secret}))
    except InvalidRequest as error:
        param = "url" if error.param == "base_url" else "header"
        raise InvalidRequest(
            error.message.replace("base URL", "URL"), fix=error.fix.replace("/v1'", "/look'"), param=param
        ) from error
    return made
