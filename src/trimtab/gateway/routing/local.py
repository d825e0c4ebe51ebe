"""Which providers run on machines of one's own, as far as their address can show it."""

import ipaddress
from urllib.parse import urlsplit

from trimtab.gateway.targets import Provider
from trimtab.llm.providers import PROVIDER_KINDS


def is_local(provider: Provider, trusted: tuple[str, ...] = ()) -> bool:
    """A process that this server runs itself, a loopback or private address (RFC 1918, RFC 4193, link-local), or one
    that is trusted by name. A host name other than ``localhost`` shows nothing: it must be trusted."""
    if provider.name in trusted:
        return True
    if not provider.base_url:
        return provider.kind in PROVIDER_KINDS.names() and PROVIDER_KINDS.get(provider.kind).managed
    host = urlsplit(provider.base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local or (address.is_private and not address.is_unspecified)
