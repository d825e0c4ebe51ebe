"""No call, and no byte of one, goes to where a cloud tells a machine its secrets, however the address is written."""

import asyncio
import ipaddress
import socket

import httpx
import pytest

from patience import PATIENCE_S
from trimtab.core.errors import InvalidRequest, UpstreamFailure
from trimtab.gateway.carried_where import look_where
from trimtab.gateway.store import check_base_url
from trimtab.llm import reach
from trimtab.llm.endpoint import Endpoint, split_url
from trimtab.llm.reach import is_nowhere, leads_nowhere
from trimtab.llm.transport import Transport

NOWHERE = (
    "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "[fe80::1]", "::ffff:169.254.169.254", "fd00:ec2::254",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "::a9fe:a9fe", "::ffff:0:a9fe:a9fe", "2002:a9fe:a9fe::",
    "168.63.129.16", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
    "100.100.100.200", "224.0.0.1", "ff02::1",
)  # fmt: skip


@pytest.mark.parametrize("address", NOWHERE)
def test_a_metadata_address_is_refused_in_every_form(address: str) -> None:
    assert is_nowhere(address)
    host = address if ":" not in address or address.startswith("[") else f"[{address}]"
    with pytest.raises(InvalidRequest, match="not usable"):
        check_base_url(f"http://{host}/v1")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "192.168.1.2", "::1", "::", "fd00::1", "8.8.8.8", "a.example"]
)
def test_where_models_run_is_not(address: str) -> None:
    assert not is_nowhere(address)


def test_other_sockets_have_no_address_to_judge() -> None:
    assert not leads_nowhere("/run/model.sock")
    assert not leads_nowhere(None)
    assert leads_nowhere(("169.254.169.254", 80))


def test_a_name_that_leads_there_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this machine's own address were such a one: the name resolves, the connection is made and closed."""
    monkeypatch.setattr(reach, "_NOWHERE", (ipaddress.ip_network("127.0.0.0/8"),))

    async def story() -> None:
        got: list[bytes] = []
        both = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read())
            writer.close()
            if len(got) == 2:
                both.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
        port = server.sockets[0].getsockname()[1]
        async with server:
            calls = Transport()
            origin, _ = split_url(f"http://localhost:{port}/v1")
            head = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: "
            endpoint = Endpoint(origin=origin, head=head, connect_s=30, first_byte_s=30, idle_s=30, total_s=30)
            with pytest.raises(UpstreamFailure) as caught:
                await calls.post(endpoint, b"{}", b"")
            assert caught.value.code == "address_refused"
            await calls.aclose()
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
                asked = client.build_request(
                    "POST", f"http://localhost:{port}/v1/files", extensions={"trace": look_where}
                )
                with pytest.raises(httpx.ConnectError):
                    await client.send(asked)
            await both.wait()
        assert got == [b"", b""]

    asyncio.run(story())
