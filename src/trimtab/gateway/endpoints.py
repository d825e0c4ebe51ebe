"""From a provider to the bytes every request to it starts with, rendered once per path and kept while it stays."""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote, urlencode

from trimtab import __version__
from trimtab.core.errors import InternalError, UpstreamFailure
from trimtab.gateway.call import Call
from trimtab.gateway.exchange import FORWARDED
from trimtab.gateway.route import Target
from trimtab.gateway.targets import Provider
from trimtab.gateway.tried import Try
from trimtab.governance.access import Project
from trimtab.llm import google
from trimtab.llm.auth import Auth, headers_of, query_of
from trimtab.llm.aws import CREDENTIALS, MachineSigner
from trimtab.llm.dialects import Dialect
from trimtab.llm.endpoint import Endpoint, host_of, render_head, split_url
from trimtab.llm.entra import OPTIONS as ENTRA
from trimtab.llm.entra import TOKENS, Source, source_of
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.sigv4 import Credentials, Signer

MAX_KNOWN = 4096
"""Endpoints kept. Some vendors have the model in the path, and clients may call any: the oldest give way."""


class Endpoints:
    """``managed`` gives the base URL of a provider whose process this server runs itself, starting it if need be, and
    ``vectors`` where it makes vectors; they raise `UpstreamFailure` when they cannot."""

    def __init__(
        self,
        managed: Callable[[Provider], Awaitable[str]],
        vectors: Callable[[Provider], Awaitable[str]] | None = None,
    ) -> None:
        self._managed = managed
        self._vectors = vectors
        self._known: dict[tuple[str, str, str, str], tuple[Provider, str, Endpoint]] = {}
        self.ready: dict[tuple[Target, Dialect, bool], Endpoint] = {}
        """What `of` gave for a target, a dialect and whether it is for a stream, where it will be the same again."""

    async def of(self, project: Project | None, target: Target, dialect: Dialect, *, stream: bool) -> Endpoint:
        """Where one call goes. Raises `UpstreamFailure` if its provider has no such place."""
        endpoint = await self._of(project, target, dialect, stream=stream)
        if target.provider.base_url:  # else it is a process of our own, which may be elsewhere the next time
            if len(self.ready) >= MAX_KNOWN:
                self.ready.clear()
            self.ready[target, dialect, stream] = endpoint
        return endpoint

    async def _of(self, project: Project | None, target: Target, dialect: Dialect, *, stream: bool) -> Endpoint:
        provider, model = target.provider, target.model.upstream
        path = dialect.path(model, stream=stream)
        if provider.quirks.path_prefix:
            path = provider.quirks.path_prefix.replace("{model}", quote(model, safe="")) + path
        base = provider.base_url or await self._own(provider, dialect)
        key = (project.id if project else "", provider.name, path, provider.api_key or "")
        known = self._known.get(key)
        if known is not None and known[0] is provider and known[1] == base:
            return known[2]
        endpoint = render_endpoint(provider, base, path, dialect)
        self._known.pop(key, None)
        if len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = (provider, base, endpoint)
        return endpoint

    def keep(self, in_force: Callable[[Provider], bool]) -> None:
        """Forget the heads of all other providers: their keys are in them."""
        self.ready = {key: endpoint for key, endpoint in self.ready.items() if in_force(key[0].provider)}
        self._known = {key: known for key, known in self._known.items() if in_force(known[0])}

    async def _own(self, provider: Provider, dialect: Dialect) -> str:
        """The base URL of a provider that has none: this server runs it itself."""
        if dialect.operation == "embeddings" and self._vectors is not None:
            return await self._vectors(provider)
        return await self._managed(provider)


def render_endpoint(provider: Provider, base_url: str, path: str, dialect: Dialect) -> Endpoint:
    """Everything constant about the calls to one path of a provider. Raises `UpstreamFailure` for a base URL, a path or
    headers that cannot be used."""
    kind = PROVIDER_KINDS.get(provider.kind)
    auth = kind.auth or dialect.auth
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
        "user-agent": f"trimtab/{__version__}",
        **dialect.headers,
        **headers_of(auth, provider.api_key),
        **{name.lower(): value for name, value in provider.headers.items()},
    }
    asked = {name: provider.options[option] for name, option in kind.query.items() if provider.options.get(option)}
    query = "&".join(part for part in (urlencode(asked), query_of(auth, provider.api_key)) if part)
    if query:
        path = f"{path}{'&' if '?' in path else '?'}{query}"
    try:
        origin, base_path = split_url(base_url)
        head = render_head(origin, base_path + path, headers)
    except ValueError as error:
        raise UpstreamFailure(
            f"The provider {provider.name!r} cannot be called: {error}.",
            fix="Correct its base_url or headers.",
            code="provider_misconfigured",
            retryable=False,
        ) from None
    sign: Callable[[bytes, int], bytes] | None = None
    ready: Callable[[], Awaitable[None]] | None = None
    entra = source_of(provider.options, provider.api_key) if kind.key_options == ENTRA else None
    if entra is not None:
        sign, ready = partial(_shown, entra), partial(TOKENS.ready, entra)
    account = google.account_of(provider.options, provider.api_key) if kind.key_options == google.OPTIONS else None
    if account is not None:
        sign, ready = partial(_shown_by_google, account), partial(google.TOKENS.ready, account)
    if auth.way == "sigv4" and not provider.api_key:
        make = partial(_signer, provider, auth, host_of(origin), base_path + path)
        if provider.options.get("identity"):
            region = provider.options.get("region", "")
            sign, ready = MachineSigner(region, make), partial(CREDENTIALS.ready, region)
        else:
            sign = make(_own_credentials(provider))
    bounds = provider.timeouts
    return Endpoint(
        origin=origin,
        head=head,
        connect_s=bounds.connect,
        first_byte_s=bounds.first_token,
        idle_s=bounds.idle,
        total_s=bounds.total,
        sign=sign,
        ready=ready,
    )


def _shown(source: Source, _body: bytes, _now_ns: int) -> bytes:
    return f"authorization: {TOKENS.header(source)}\r\n".encode()


def _shown_by_google(account: google.Account, _body: bytes, _now_ns: int) -> bytes:
    return f"authorization: Bearer {google.TOKENS.held(account) or ''}\r\n".encode()


def _own_credentials(provider: Provider) -> Credentials:
    options = provider.options
    return Credentials(
        access_key_id=options.get("access_key_id", ""),
        secret_access_key=options.get("secret_access_key", ""),
        session_token=options.get("session_token", ""),
    )


def _signer(provider: Provider, auth: Auth, host: str, path: str, credentials: Credentials) -> Signer:
    return Signer(credentials, service=auth.name, region=provider.options.get("region", ""), host=host, path=path)


def forwarded_headers(call: Call, attempt: Try, *, same_dialect: bool) -> bytes:
    """The header lines of one request: the trace goes on, with this attempt as the parent of what the provider adds."""
    trace_id = call.caller.trace_id
    if not trace_id:
        raise InternalError("A call without a trace id reached a provider.")
    lines = f"traceparent: 00-{trace_id}-{attempt.span_id}-01\r\n".encode()
    if call.caller.tracestate:
        lines += b"tracestate: %b\r\n" % call.caller.tracestate
    if same_dialect and not call.exchange.quiet:
        header = call.exchange.header
        for name in FORWARDED:
            value = header(name)
            if value is not None:
                lines += b"%b: %b\r\n" % (name, value)
    return lines
