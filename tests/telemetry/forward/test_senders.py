"""What answers mean, how a webhook is signed, and what a topic gets from a broker that speaks Kafka's protocol."""

import asyncio
import contextlib
import socket
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from patience import PATIENCE_S
from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.forward import guard, kafka, senders
from trimtab.telemetry.forward.guard import networks
from trimtab.telemetry.forward.kafka import KafkaSender, check_options
from trimtab.telemetry.forward.senders import (
    LONGEST_WAIT_S,
    OtlpSender,
    Packet,
    WebhookSender,
    retry_after_s,
    signature,
    verdict_of,
)
from trimtab.telemetry.forward.types import Destination, Outcome, Secrets, check, sampled

HERE = networks("127.0.0.1,::1")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, "refused"), (413, "refused"), (422, "refused"), (401, "away"), (403, "away"), (404, "away"),
        (408, "away"), (425, "away"), (429, "away"), (302, "away"), (500, "faulty"), (501, "faulty"), (502, "away"),
        (503, "away"), (504, "away"),
    ],
)  # fmt: skip
def test_an_answer_is_about_the_event_the_receiver_or_the_destination(status: int, verdict: str) -> None:
    assert verdict_of(status) == verdict


def test_retry_after_is_a_number_or_a_date_and_bounded() -> None:
    now_ms = 1_750_000_000_000
    assert retry_after_s("7", now_ms) == 7
    assert retry_after_s(formatdate(now_ms / 1000 + 30, usegmt=True), now_ms) == 30
    assert retry_after_s(formatdate(now_ms / 1000 - 30, usegmt=True), now_ms) == 0
    assert retry_after_s("99999999999999", now_ms) == LONGEST_WAIT_S
    assert [retry_after_s(text, now_ms) for text in ("", "soon", "-3", "²")] == [0, 0, 0, 0]


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of their specification and of its libraries' tests."""
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_is_not_there_is_away_and_says_so() -> None:
    to = Destination(
        project_id="p", name="n", kind="webhook", url="http://127.0.0.1:9/x", secrets=Secrets(secret="s" * 16)
    )

    async def story() -> None:
        sender = WebhookSender(to, HERE, lambda: 0)
        outcome = await sender.send(Packet("id", "key", b"{}"))
        await sender.aclose()
        assert (outcome.verdict, outcome.status) == ("away", 0)
        assert "ConnectError" in outcome.problem

    asyncio.run(story())


def test_a_receiver_whose_answer_never_ends_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time; the answer does not."""
    monkeypatch.setattr(senders, "WHOLE_S", 0.3)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            to = Destination(
                project_id="p",
                name="n",
                kind="webhook",
                url=f"http://127.0.0.1:{port}/",
                secrets=Secrets(secret="s" * 16),
            )
            sender = WebhookSender(to, HERE, lambda: 0)
            outcome = await asyncio.wait_for(sender.send(Packet("id", "key", b"{}")), PATIENCE_S)
            await sender.aclose()
        assert outcome.verdict == "away"
        assert "whole" in outcome.problem

    asyncio.run(story())


def test_a_receiver_that_hangs_or_leads_elsewhere_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "ANSWER_S", 0.3)
    secret = "s" * 16

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(
            f"HTTP/1.1 307 Go\r\nlocation: https://hooks.example.com/{secret}\r\ncontent-length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    async def told(receiver: Any) -> Outcome:
        async with await asyncio.start_server(receiver, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            to = Destination(project_id="p", name="n", kind="webhook", url=url, secrets=Secrets(secret=secret))
            sender = WebhookSender(to, HERE, lambda: 0)
            outcome = await asyncio.wait_for(sender.send(Packet("id", "key", b"{}")), PATIENCE_S)
            await sender.aclose()
        return outcome

    hung = asyncio.run(told(hang))
    assert (hung.verdict, hung.problem) == ("away", "It took the request and said nothing for 0.3 s.")
    led = asyncio.run(told(lead))
    assert (led.verdict, led.status) == ("away", 307)
    assert "a redirect to 'https://hooks.example.com/[hidden]', which is not followed" in led.problem


def test_a_sample_is_drawn_by_the_trace_id_alone_and_grows() -> None:
    ids = [f"{number:032x}" for number in range(4000)]
    tenth, half = ({each for each in ids if sampled(each, share)} for share in (0.1, 0.5))
    assert tenth < half
    assert 300 < len(tenth) < 500
    assert 1850 < len(half) < 2150
    assert all(sampled(each, 1.0) and not sampled(each, 0.0) for each in ids)


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        ("name", {"name": "No!"}),
        ("url", {"url": "ftp://x.example/"}),
        ("url", {"url": "https://user:pass@x.example/"}),
        ("url", {"url": "https:///x"}),
        ("url", {"kind": "kafka", "url": "kafka://host:9092"}),
        ("url", {"kind": "kafka", "url": "kafka://ho st:9092/t"}),
        ("sample", {"sample": 1.5}),
        ("quiet_s", {"quiet_s": 0.0}),
        ("root_wait_s", {"quiet_s": 20.0, "root_wait_s": 10.0}),
        ("filter", {"filter": "nosuchkey:1"}),
        ("secret", {"kind": "webhook", "secrets": Secrets(secret="short")}),
        ("secret", {"kind": "webhook", "secrets": Secrets(secret="whsec_not+base64!!!!")}),
        ("secret", {"secrets": Secrets(secret="s" * 20)}),
        ("headers", {"secrets": Secrets(headers={"host": "x"})}),
        ("headers", {"secrets": Secrets(headers={"x": "a\r\nb"})}),
        ("options", {"secrets": Secrets(options={"a": "b"})}),
    ],
)
def test_a_destination_that_makes_no_sense_is_refused_by_its_field(param: str, changes: dict[str, Any]) -> None:
    sound: dict[str, Any] = {"project_id": "p", "name": "n", "kind": "otlp", "url": "https://x.example/v1/traces"}
    check(Destination(**sound))
    with pytest.raises(InvalidRequest) as told:
        check(Destination(**{**sound, **changes}))
    assert told.value.param == param
    assert told.value.fix


def test_no_kafka_property_reads_files_or_runs_programs_of_the_server() -> None:
    check_options({"security.protocol": "SASL_SSL", "sasl.username": "u", "ssl.ca.pem": "-----"})
    for name in ("plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.key.location", "bootstrap.servers"):
        with pytest.raises(InvalidRequest):
            check_options({name: "x"})


def test_a_topic_gets_the_event_under_its_traces_id() -> None:
    """Over TCP to the mock broker that is part of librdkafka."""
    client = pytest.importorskip("confluent_kafka")
    cluster = client.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1})
    brokers = cluster.list_topics(timeout=PATIENCE_S).brokers
    at = ",".join(f"{broker.host}:{broker.port}" for broker in brokers.values())
    to = Destination(project_id="p", name="n", kind="kafka", url=f"kafka://{at}/closed-traces")

    async def story() -> None:
        sender = KafkaSender(check(to), HERE)
        sent = await asyncio.gather(*(sender.send(Packet(f"evt_{n}", f"trace-{n}", b"{}")) for n in range(5)))
        assert [each.verdict for each in sent] == ["delivered"] * 5
        large = await sender.send(Packet("evt_large", "t", b"x" * 2_000_000))
        assert large.verdict == "refused"
        await sender.aclose()
        refused = await KafkaSender(to, ()).send(Packet("e", "t", b"{}"))
        assert (refused.verdict, "TRIMTAB_FORWARD_ALLOW" in refused.problem) == ("away", True)

    asyncio.run(story())
    reader = client.Consumer({"bootstrap.servers": at, "group.id": "g", "auto.offset.reset": "earliest"})
    # By name and not as one of a group: a broker gives members of a new group three seconds to come.
    parts = reader.list_topics("closed-traces", timeout=PATIENCE_S).topics["closed-traces"].partitions
    reader.assign([client.TopicPartition("closed-traces", part, client.OFFSET_BEGINNING) for part in parts])
    found: dict[str, str] = {}
    end = time.monotonic() + PATIENCE_S
    while len(found) < 5 and time.monotonic() < end:
        message = reader.poll(0.2)
        if message is not None and message.error() is None:
            found[message.key().decode()] = dict(message.headers())["id"].decode()
    reader.close()
    assert found == {f"trace-{n}": f"evt_{n}" for n in range(5)}


async def _lost(host: str, port: int) -> list[str]:
    if host.startswith("lost"):
        raise OSError(-2, "Name or service not known")
    return [host]


def test_an_address_that_leads_nowhere_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "lookup", _lost)
    http = Destination(project_id="p", name="n", kind="otlp", url="http://lost.example/v1/traces")
    topic = Destination(project_id="p", name="n", kind="kafka", url="kafka://lost-1.example:9092,lost-2.example/t")

    async def story() -> None:
        collector = OtlpSender(http, HERE, lambda: 0)
        assert "lost.example could not be looked up" in await collector.look()
        await collector.aclose()
        brokers = KafkaSender(topic, HERE)
        said = await brokers.look()
        assert "lost-1.example could not be looked up" in said
        assert "lost-2.example could not be looked up" in said
        sent = await brokers.send(Packet("e", "t", b"{}"))
        assert (sent.verdict, sent.problem) == ("away", said)

    asyncio.run(story())


def test_one_broker_whose_name_is_known_is_enough_and_one_that_is_not_is_not_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "lookup", _lost)
    made: list[list[str]] = []

    def make(sender: KafkaSender, brokers: list[str]) -> None:
        made.append(brokers)

    monkeypatch.setattr(KafkaSender, "_make", make)

    async def story() -> None:
        to = Destination(project_id="p", name="n", kind="kafka", url="kafka://lost-1.example:9092,127.0.0.1:9/t")
        sender = KafkaSender(to, HERE)
        assert await sender.look() == ""
        await sender.send(Packet("e", "t", b"{}"))
        assert made == [["127.0.0.1:9"]]
        inside = Destination(project_id="p", name="n", kind="kafka", url="kafka://127.0.0.1:9,10.0.0.1:9/t")
        assert "10.0.0.1" in await KafkaSender(inside, HERE).look()

    asyncio.run(story())


def test_what_the_kafka_client_says_of_brokers_that_are_away_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("confluent_kafka")
    monkeypatch.setattr(kafka, "DELIVER_MS", 1_000)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        url = f"kafka://127.0.0.1:{nobody.getsockname()[1]}/closed-traces"

        async def story() -> None:
            sender = KafkaSender(Destination(project_id="p", name="n", kind="kafka", url=url), HERE)
            sent = await sender.send(Packet("evt_1", "t", b"{}"))
            assert (sent.verdict, sent.problem) == ("away", "Kafka: Local: Message timed out")
            await sender.aclose()

        asyncio.run(story())
    said = [record.getMessage() for record in caplog.records if record.name == kafka.logger.name]
    assert any("Connection refused" in line for line in said), said
    assert "rdkafka" not in capfd.readouterr().err


def test_a_server_that_stops_does_not_wait_for_brokers_that_never_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("confluent_kafka")
    monkeypatch.setattr(kafka, "TOLD_S", 600.0)
    produced = threading.Event()

    class Producer:
        def produce(self, *_: Any, **__: Any) -> None:
            produced.set()

        def poll(self, seconds: float) -> None:
            time.sleep(0.001)

        def flush(self, seconds: float) -> None: ...

    made: list[Producer] = []

    def make(sender: KafkaSender, brokers: list[str]) -> Producer:
        made.append(Producer())
        return made[-1]

    monkeypatch.setattr(KafkaSender, "_make", make)
    to = Destination(project_id="p", name="n", kind="kafka", url="kafka://127.0.0.1:9/closed-traces")

    async def story() -> None:
        sender = KafkaSender(to, HERE)
        sending = [asyncio.ensure_future(sender.send(Packet(str(n), "t", b"{}"))) for n in range(2)]
        assert await asyncio.to_thread(produced.wait, 60)
        await sender.aclose()
        outcomes = await asyncio.wait_for(asyncio.gather(*sending), PATIENCE_S)
        assert {each.verdict for each in outcomes} == {"away"}
        assert len(made) == 1, "all are sent by one client"

    asyncio.run(story())
