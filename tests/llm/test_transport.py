"""The client to providers against a raw socket that misbehaves in every way a provider can."""

import asyncio
import gzip
import ssl
import tracemalloc
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from raw_providers import OK, always, endpoint, provider, read_request, until, whole

from patience import PATIENCE_S
from trimtab.core.errors import UpstreamFailure, UpstreamTimeout
from trimtab.llm import transport as transport_module
from trimtab.llm.endpoint import Endpoint, Origin, render_head, split_url
from trimtab.llm.transport import Transport


def test_an_answer_has_its_own_headers_only_and_the_last_of_a_name() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nx-hint: 1\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Rate: 1\r\nx-rate: 2\r\n\r\n"
    trailers = b"5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n"

    async def main() -> None:
        async with provider(always(interim + head + trailers)) as port:
            transport, reused = Transport(), list[bool]()
            for _ in range(2):
                answer = await transport.post(endpoint(port), b"{}")
                reused.append(answer.reused)
                assert await whole(answer) == b"hello"
                assert answer.headers == {"transfer-encoding": "chunked", "x-rate": "2"}
            assert reused == [False, True]
            await transport.aclose()

    asyncio.run(main())


def test_a_call_sends_the_constant_head_the_extra_headers_and_the_body() -> None:
    async def main() -> None:
        seen: list[bytes] = []
        async with provider(always(OK, seen)) as port:
            transport = Transport()
            answer = await transport.post(endpoint(port), b'{"a":1}', b"traceparent: 00-1\r\n")
            assert await whole(answer) == b"hello"
            assert (answer.status, seen[0].count(b"\r\n\r\n")) == (200, 1)
            assert seen[0].startswith(b"POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % port)
            assert b"\r\ncontent-length: 7\r\ntraceparent: 00-1\r\n\r\n" in seen[0]
            assert seen[0].endswith(b'{"a":1}')
            await transport.aclose()

    asyncio.run(main())


def test_a_connection_is_used_again_after_a_whole_answer() -> None:
    async def main() -> None:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await always(OK)(reader, writer)

        async with provider(serve) as port:
            transport = Transport()
            for _ in range(5):
                assert await whole(await transport.post(endpoint(port), b"{}")) == b"hello"
            assert connections == 1
            assert transport.in_flight == 0
            await transport.aclose()

    asyncio.run(main())


def test_an_unasked_answer_on_a_kept_connection_never_becomes_the_answer_to_the_next_call() -> None:
    async def main() -> None:
        answered, farewell = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(OK)
            if not farewell.is_set():
                await answered.wait()
                writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                farewell.set()

        async with provider(serve) as port:
            transport = Transport()
            kept = await transport.post(endpoint(port), b"{}")
            await whole(kept)
            answered.set()
            await until(lambda: not kept.is_open())
            answer = await transport.post(endpoint(port), b"{}")
            assert (await whole(answer), answer.status) == (b"hello", 200)
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("extra", [OK, b"HTTP/1.1 200 OK\r\ncontent-le", b"junk\r\n\r\n", b"\0"])
def test_what_follows_an_answer_at_once_belongs_to_no_call(extra: bytes) -> None:
    async def main() -> None:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await always(OK + extra if connections == 1 else OK)(reader, writer)

        async with provider(serve) as port:
            transport = Transport()
            for _ in range(2):
                answer = await transport.post(endpoint(port), b"{}")
                assert (await whole(answer), answer.status) == (b"hello", 200)
            assert connections == 2
            await transport.aclose()

    asyncio.run(main())


def test_chunks_arrive_as_they_come_and_the_end_frees_the_connection() -> None:
    async def main() -> None:
        got: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for part in (b"one", b"two", b""):
                writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                if part:
                    await until(lambda part=part: got[-1:] == [part])
            await reader.read()

        async with provider(serve) as port:
            transport = Transport()
            answer = await transport.post(endpoint(port), b"{}")
            while (data := await answer.chunk()) is not None:
                got.append(data)
            assert got == [b"one", b"two"]
            assert transport.in_flight == 0
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "upstream_reset"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "upstream_reset"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "upstream_reset"),
        (b"\x16\x03\x01 this is not HTTP\r\n\r\n", "upstream_garbage"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx", "upstream_garbage"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope", "upstream_garbage"),
    ],
)
def test_a_broken_answer_is_a_failure_with_a_stable_code(answer: bytes, code: str) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(answer)

        async with provider(serve) as port:
            transport = Transport()
            posted = await transport.post(endpoint(port), b"{}")
            with pytest.raises(UpstreamFailure) as caught:
                await whole(posted)
            assert caught.value.code == code
            assert transport.in_flight == 0
            await transport.aclose()

    asyncio.run(main())


def test_a_compressed_answer_is_read_although_we_asked_for_none() -> None:
    async def main() -> None:
        body = gzip.compress(b"hello" * 100)
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
        async with provider(always(head + body)) as port:
            transport = Transport()
            assert await whole(await transport.post(endpoint(port), b"{}")) == b"hello" * 100
            await transport.aclose()

    asyncio.run(main())


def test_a_small_answer_that_unpacks_without_end_is_stopped_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 1 << 20)

    async def main() -> None:
        body = gzip.compress(bytes(64 << 20))
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
        async with provider(always(head + body)) as port:
            transport = Transport()
            tracemalloc.start()
            try:
                with pytest.raises(UpstreamFailure) as caught:
                    await whole(await transport.post(endpoint(port), b"{}"))
                assert caught.value.code == "upstream_too_large"
                assert tracemalloc.get_traced_memory()[1] < 8 << 20
            finally:
                tracemalloc.stop()
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("bounds", "sends", "code"),
    [
        ({"first_byte_s": 0.2}, b"", "upstream_timeout_first_token"),
        ({"idle_s": 0.2}, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "upstream_timeout_idle"),
        ({"total_s": 0.3}, b"", "upstream_timeout_total"),
    ],
)
def test_each_bound_ends_a_silent_call(bounds: dict[str, float], sends: bytes, code: str) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(sends)
            await reader.read()  # silence until the client hangs up

        async with provider(serve) as port:
            transport = Transport()
            posted = await transport.post(endpoint(port, **bounds), b"{}")
            with pytest.raises(UpstreamTimeout) as caught:
                await whole(posted)
            assert caught.value.code == code
            assert caught.value.fix
            await transport.aclose()

    asyncio.run(main())


def test_no_listener_is_told_with_its_address() -> None:
    async def main() -> None:
        async with provider(always(OK)) as port:
            pass
        transport = Transport()
        with pytest.raises(UpstreamFailure, match=rf"127\.0\.0\.1:{port}") as caught:
            await transport.post(endpoint(port), b"{}")
        assert caught.value.code == "upstream_unreachable"
        await transport.aclose()

    asyncio.run(main())


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's, for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(plain)
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def refused(url: str) -> UpstreamFailure:
    origin, path = split_url(url)
    place = Endpoint(
        origin=origin, head=render_head(origin, path, {}), connect_s=PATIENCE_S, first_byte_s=5, idle_s=5, total_s=10
    )
    transport = Transport()
    with pytest.raises(UpstreamFailure) as caught:
        await transport.post(place, b"{}")
    await transport.aclose()
    assert caught.value.code == "upstream_unreachable"
    return caught.value


def test_a_certificate_that_nobody_vouches_for_is_told_with_how_to_trust_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=certificate(tmp_path))
        port = server.sockets[0].getsockname()[1]
        told = await refused(f"https://127.0.0.1:{port}/v1")
        assert "self-signed certificate" in str(told)
        assert "SSL_CERT_FILE" in told.fix
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        told = await refused(f"https://localhost:{port}/v1")
        assert "ostname" in str(told)  # trusted now, and of another name
        assert "correct the provider's base_url" in told.fix
        server.close()

    asyncio.run(main())


def test_https_to_a_plain_server_is_told_as_that() -> None:
    async def puzzled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async def main() -> None:
        async with provider(puzzled) as port:
            told = await refused(f"https://127.0.0.1:{port}/v1")
        assert "begins with http://" in told.fix

    asyncio.run(main())


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example"])
def test_a_host_that_is_no_name_is_told_as_unreachable(host: str) -> None:
    async def main() -> None:
        transport = Transport()
        origin, path = split_url(f"http://{host}/v1")
        place = Endpoint(
            origin=origin, head=render_head(origin, path, {}), connect_s=1, first_byte_s=1, idle_s=1, total_s=1
        )
        with pytest.raises(UpstreamFailure) as caught:
            await transport.post(place, b"{}")
        assert caught.value.code == "upstream_unreachable"
        await transport.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/a b", "/a\tb", "/a HTTP/1.1\r\nx: y", "/\x7f"])
def test_a_path_cannot_split_a_request(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        render_head(Origin("http", "h", 80), path, {})


def test_closing_an_answer_hangs_up_on_the_provider() -> None:
    async def main() -> None:
        left = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try:
                await reader.read()
            finally:
                left.set()

        async with provider(serve) as port:
            transport = Transport()
            answer = await transport.post(endpoint(port), b"{}")
            await answer.head()
            assert await answer.chunk() == b"abc"
            answer.close()
            async with asyncio.timeout(PATIENCE_S):
                await left.wait()
            assert transport.in_flight == 0
            await transport.aclose()

    asyncio.run(main())


def test_an_answer_the_reader_has_done_with_drains_and_its_connection_is_used_again() -> None:
    async def main() -> None:
        go_on = asyncio.Event()
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await go_on.wait()
            writer.write(b"0\r\n\r\n")
            await always(OK)(reader, writer)

        async with provider(serve) as port:
            transport = Transport()
            answer = await transport.post(endpoint(port), b"{}")
            await answer.head()
            assert await answer.chunk() == b"abc"
            answer.detach()
            go_on.set()
            await until(lambda: transport.in_flight == 0)
            assert await whole(await transport.post(endpoint(port), b"{}")) == b"hello"
            assert connections == 1
            await transport.aclose()

    asyncio.run(main())


def test_a_slow_reader_pauses_the_provider_instead_of_filling_memory() -> None:
    async def main() -> None:
        sent = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            piece = b"x" * 65536
            for _ in range(400):
                writer.write(b"10000\r\n%b\r\n" % piece)
                await writer.drain()
                sent += len(piece)
            writer.write(b"0\r\n\r\n")

        async with provider(serve) as port:
            transport = Transport()
            answer = await transport.post(endpoint(port), b"{}")
            await answer.head()
            before = -1
            while before != sent:  # until the kernel's buffers are full and nothing moves any more
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 400 * 65536
            total = 0
            while (data := await answer.chunk()) is not None:
                total += len(data)
            assert total == 400 * 65536
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("url", ["ftp://a", "http://", "127.0.0.1:80", "javascript:alert(1)"])
def test_only_http_urls_are_places_to_call(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        split_url(url)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "ü", "a\0"])
def test_a_header_cannot_split_a_request(value: str) -> None:
    origin, _ = split_url("http://localhost")
    with pytest.raises(ValueError, match="HTTP does not allow"):
        render_head(origin, "/", {"x-key": value})
