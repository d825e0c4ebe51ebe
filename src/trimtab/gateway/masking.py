"""What we send a provider in confidence, and must not come back: to a client, a record, or whoever looks on live."""

from trimtab.gateway.provider_options import secret_options
from trimtab.gateway.targets import Provider
from trimtab.llm import google
from trimtab.llm.aws import CREDENTIALS, IDENTITIES
from trimtab.llm.entra import TOKENS, source_of
from trimtab.llm.providers import PROVIDER_KINDS

SHORTEST_SECRET = 8


def masked(told: bytes, provider: Provider) -> bytes:
    """A provider's refusal without our secrets: some repeat the key they did not like."""
    source = source_of(provider.options, provider.api_key)
    token = "" if source is None else TOKENS.header(source).removeprefix("Bearer ")
    for secret in (
        provider.api_key,
        *provider.headers.values(),
        *secret_options(provider),
        token,
        *_machines(provider),
    ):
        if secret and len(secret) >= SHORTEST_SECRET:
            told = told.replace(secret.encode(), b"[hidden]")
    return told


def _machines(provider: Provider) -> tuple[str, ...]:
    """The secrets of the machine's own credentials, and Google's tokens, where those are shown."""
    if PROVIDER_KINDS.get(provider.kind).key_options == google.OPTIONS:
        account = google.account_of(provider.options, provider.api_key)
        return (google.TOKENS.held(account) or "",) if account is not None else ()
    if provider.options.get("identity") not in IDENTITIES:
        return ()
    held = CREDENTIALS.held(provider.options.get("region", ""))
    return () if held is None else (held.secret_access_key, held.session_token)


def masked_text(told: str, provider: Provider) -> str:
    return masked(told.encode(), provider).decode()
