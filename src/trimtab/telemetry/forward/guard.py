"""Where a server may be sent by its users: nowhere inside its own network, unless its operator says so.

An address is judged when it is connected to, after its name was looked up, and exactly that address is connected to: a
name that answers differently the second time gains nothing. Redirects are not followed.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Final, cast

import httpcore

from trimtab.core.errors import InvalidRequest
from trimtab.llm.reach import plain

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SETTING: Final = "TRIMTAB_FORWARD_ALLOW"
_INSIDE: Final = tuple(map(ipaddress.ip_network, ("fec0::/10", "168.63.129.16/32")))
"""Inside, although Python takes them for public: site-local addresses (RFC 3879), and Azure's platform, which answers
every machine there."""


class Forbidden(Exception):
    """An address that nothing may be sent to."""


def networks(text: str) -> tuple[Network, ...]:
    """From ``10.0.0.0/8, 127.0.0.1``. Raises `ValueError` with what is wrong."""
    found: list[Network] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            raise ValueError(f"must be networks such as 10.0.0.0/8, with commas between; {part!r} is none") from None
    return tuple(found)


def is_allowed(address: str, allowed: Iterable[Network]) -> bool:
    """Whether something may be sent to an address: public, or in one of these networks. An IPv4 address in any of its
    IPv6 forms is judged as what it stands for."""
    found = plain(ipaddress.ip_address(address.partition("%")[0]))
    if any(found in network for network in allowed if network.version == found.version):
        return True
    inside = any(found in network for network in _INSIDE if network.version == found.version)
    return found.is_global and not (inside or found.is_multicast or found.is_reserved)


async def lookup(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which they are to be tried. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # what cannot be a name: a label that is empty, or longer than 63
        raise OSError(f"{host[:80]!r} cannot be the name of a host") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def reachable(host: str, port: int, allowed: tuple[Network, ...]) -> list[str]:
    """The addresses of a host that something may be sent to. Raises `OSError`; `Forbidden` where there is none."""
    found = await lookup(host, port)
    fit = [address for address in found if is_allowed(address, allowed)]
    if not fit:
        raise Forbidden(
            f"{host} is at {', '.join(found) or 'no address'}, in a private network; {SETTING} would have to allow it."
        )
    return fit


async def check_host(host: str, port: int, allowed: tuple[Network, ...]) -> None:
    """Tell a person at once who names a host that would be refused. A name that cannot be looked up now is let be."""
    try:
        await reachable(host, port, allowed)
    except OSError:
        return
    except Forbidden as error:
        raise InvalidRequest(
            f"Nothing is sent there: {error}",
            fix=f"Set {SETTING} to the networks that traces may be sent to, e.g. 10.0.0.0/8, and restart the server.",
            param="url",
        ) from error


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects for an HTTP client, to addresses that are allowed only."""

    def __init__(self, allowed: tuple[Network, ...]) -> None:
        self._allowed = allowed
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await asyncio.wait_for(reachable(host, port, self._allowed), timeout)
        except Forbidden as error:
            raise httpcore.ConnectError(str(error)) from error
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} could not be looked up in time") from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host} could not be looked up: {error}") from error
        last: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(f"Nothing is sent to {path}, a socket of this machine.")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
