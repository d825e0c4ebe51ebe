"""Nothing is sent into a private network unless a setting allows it, whatever form its address has."""

import asyncio
import ipaddress

import httpcore
import pytest

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.forward import guard
from trimtab.telemetry.forward.guard import Forbidden, GuardedNetwork, check_host, is_allowed, networks, reachable

INSIDE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::1", "fe80::1",
    "fd00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    "224.0.0.1", "255.255.255.255", "::", "fe80::1%eth0", "fec0::1", "168.63.129.16", "::ffff:168.63.129.16",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_in_every_form(address: str) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_not(address: str) -> None:
    assert is_allowed(address, ())


def test_what_the_setting_allows_is_allowed_and_nothing_beside_it() -> None:
    allowed = networks(" 10.0.0.0/8, 127.0.0.1 ,fd00::/8")
    assert allowed == tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")))
    assert all(is_allowed(address, allowed) for address in ("10.9.9.9", "127.0.0.1", "::ffff:10.0.0.1", "fd00::9"))
    assert not any(is_allowed(address, allowed) for address in ("127.0.0.2", "192.168.0.1", "fe80::1"))
    with pytest.raises(ValueError, match="internal"):
        networks("10.0.0.0/8,internal")


def test_a_name_that_leads_inside_is_refused_when_it_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it was a public one's when somebody looked first."""
    answers = [["1.1.1.1"], ["127.0.0.1"], ["10.0.0.1", "8.8.8.8"]]

    async def lookup(host: str, port: int) -> list[str]:
        return answers.pop(0)

    monkeypatch.setattr(guard, "lookup", lookup)

    async def story() -> None:
        await check_host("rebinding.example", 80, ())
        with pytest.raises(httpcore.ConnectError, match="TRIMTAB_FORWARD_ALLOW"):
            await GuardedNetwork(()).connect_tcp("rebinding.example", 80, timeout=10)
        assert await reachable("mixed.example", 80, ()) == ["8.8.8.8"]

    asyncio.run(story())


def test_a_person_is_told_how_to_allow_it() -> None:
    with pytest.raises(InvalidRequest, match="private network") as told:
        asyncio.run(check_host("127.0.0.1", 80, ()))
    assert "TRIMTAB_FORWARD_ALLOW" in told.value.fix
    with pytest.raises(Forbidden):
        asyncio.run(reachable("127.0.0.1", 80, ()))
    with pytest.raises(httpcore.ConnectError):
        asyncio.run(GuardedNetwork(()).connect_unix_socket("/run/docker.sock"))


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_what_cannot_be_a_name_is_a_host_that_is_not_there(host: str) -> None:
    with pytest.raises(OSError, match="cannot be the name"):
        asyncio.run(reachable(host, 80, ()))
    with pytest.raises(httpcore.ConnectError, match="cannot be the name"):
        asyncio.run(GuardedNetwork(()).connect_tcp(host, 80, timeout=10))
