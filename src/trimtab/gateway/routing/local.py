"""Which providers run on machines of one's own, as far as their address can show it."""

import ipaddress
from urllib.parse import urlsplit

from trimtab.gateway.targets import Provider
from trimtab.llm.providers import PROVIDER_KINDS

# Loopback, RFC 1918, link-local, RFC 4193. Written out, because what `ipaddress` calls private is more than that: the
# IPv6 forms of every public IPv4 address among others.
_OWN = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


def is_local(provider: Provider, trusted: tuple[str, ...] = ()) -> bool:
    """A process that this server runs itself, a loopback, private or link-local address, or one
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
    return any(address in network for network in _OWN)
