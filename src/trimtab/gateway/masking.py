"""What we send a provider in confidence, and must not come back: to a client, a record, or whoever looks on live."""

from trimtab.gateway.provider_options import secret_options
from trimtab.gateway.targets import Provider
from trimtab.llm.entra import TOKENS, source_of

SHORTEST_SECRET = 8


def masked(told: bytes, provider: Provider) -> bytes:
    """A provider's refusal without our secrets: some repeat the key they did not like."""
    source = source_of(provider.options, provider.api_key)
    token = "" if source is None else TOKENS.header(source).removeprefix("Bearer ")
    for secret in (provider.api_key, *provider.headers.values(), *secret_options(provider), token):
        if secret and len(secret) >= SHORTEST_SECRET:
            told = told.replace(secret.encode(), b"[hidden]")
    return told


def masked_text(told: str, provider: Provider) -> str:
    return masked(told.encode(), provider).decode()
