"""Where no provider ever is: the addresses at which a cloud tells a machine its own secrets.

Whoever may set a provider's base URL may send requests from this server and read the answers. Private networks and
this machine are where many a model runs, so they are allowed; link-local addresses and the clouds' metadata services
are not. An address is judged once it is connected to and before a byte is sent, so a name that leads there gains
nothing.
"""

import ipaddress
import re
import socket
import ssl
from typing import Final, cast

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NUMBERS: Final = re.compile(r"[0-9a-fA-FxX.]{1,60}")
_NAT64: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "64:ff9b::/96",  # RFC 6052
            "64:ff9b:1::/48",  # of a network's own, RFC 8215, as a /96 in it
            "::/96",  # IPv4-compatible, RFC 4291
            "::ffff:0:0:0/96",  # translated, RFC 2765
        ),
    )
)
_NOWHERE: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # link-local, RFC 3927; AWS, Azure, Google, Oracle and others answer at 169.254.169.254
            "fe80::/10",
            "fd00:ec2::254/128",  # AWS, instance metadata over IPv6
            "fd20:ce::254/128",  # Google, the same
            "168.63.129.16/32",  # Azure's platform
            "100.100.100.200/32",  # Alibaba
            "192.0.0.192/32",  # Oracle
            "224.0.0.0/4",
            "ff00::/8",
        ),
    )
)


def plain(address: Address) -> Address:
    """An IPv4 address in any of its IPv6 forms as what it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _NAT64) and int(address) > 1:  # not :: and ::1
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _address(host: str) -> Address | None:
    """Also as the C library reads one: ``2852039166``, ``0xa9fea9fe``, ``169.254.43518``."""
    try:
        return plain(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if _NUMBERS.fullmatch(host) else None
    except OSError:
        return None


def is_nowhere(host: str) -> bool:
    """Whether a host, written as an address, is one at which no provider is. A name is none."""
    found = _address(host.strip("[]").partition("%")[0])
    if found is None:
        return False
    return any(found in network for network in _NOWHERE if network.version == found.version)


def leads_nowhere(peer: object) -> bool:
    """The same of a socket's other end (`socket.getpeername`); false where that is no internet address."""
    host: object = cast("tuple[object, ...]", peer)[0] if isinstance(peer, tuple) and peer else None
    return isinstance(host, str) and is_nowhere(host)


_TRUST = (18, 19, 20, 21)
"""OpenSSL's codes for a certificate whose authority is not known: self-signed, alone or in a chain; no issuer."""


def why_unreached(error: OSError | UnicodeError) -> tuple[str, str]:
    """Why no connection came about, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        fix = "Its certificate is not good for this address: correct the provider's base_url, or have it renewed."
        if error.verify_code in _TRUST:
            fix = (
                "If this is your own server, trust the authority that signed its certificate: start Trimtab with "
                "SSL_CERT_FILE=/path/to/authorities.pem, which takes the place of the machine's, or add it to those."
            )
        return f"its certificate is refused ({error.verify_message})", fix
    if isinstance(error, ssl.SSLError):
        return (
            f"no TLS came about ({error.reason or error})",
            "If it speaks plain HTTP, its base_url begins with http://.",
        )
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return why, "Check the provider's base_url and that it is running."
