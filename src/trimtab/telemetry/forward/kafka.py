"""Closed traces to a Kafka topic, by librdkafka (``confluent-kafka``, the extra ``kafka``): key is the trace id.

Idempotent, acknowledged by all replicas in sync. Options are librdkafka's own properties
(https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md), e.g. ``security.protocol`` and ``sasl.*``.
"""

import asyncio
import logging
import threading
import time
from importlib.util import find_spec
from typing import Any, Final

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.forward.guard import Forbidden, Network, reachable
from trimtab.telemetry.forward.senders import Packet
from trimtab.telemetry.forward.types import Destination, Outcome

logger = logging.getLogger("trimtab.telemetry.forward.kafka")

DELIVER_MS: Final = 30_000
TOLD_S: Final = 60.0
"""The client says by then what came of a message, or nothing is waited for: later than `DELIVER_MS`, for a busy machine
tells late."""
POLL_S: Final = 0.05
OPTIONS: Final = frozenset(
    ("security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.pem",
     "ssl.certificate.pem", "ssl.key.pem", "ssl.key.password", "ssl.endpoint.identification.algorithm",
     "enable.ssl.certificate.verification", "compression.type", "compression.level", "linger.ms", "batch.size",
     "message.max.bytes", "client.id", "client.rack", "socket.timeout.ms", "socket.connection.setup.timeout.ms",
     "request.timeout.ms", "broker.address.family", "partitioner")
)  # fmt: skip
"""What may be set. Others read files of the server, load code or run programs (``plugin.library.paths``,
``sasl.kerberos.kinit.cmd``, ``ssl.*.location``), which no user of the API may: certificates go in as text."""

SECRET: Final = frozenset(("sasl.password", "ssl.key.pem", "ssl.key.password"))
PROTECTING: Final = frozenset(
    ("security.protocol", "sasl.mechanism", "sasl.mechanisms", "ssl.ca.pem", "enable.ssl.certificate.verification",
     "ssl.endpoint.identification.algorithm")
)  # fmt: skip
"""What decides who may read a secret on its way, and who may be taken for a broker."""


def check_options(options: dict[str, str]) -> None:
    """Raises `InvalidRequest` for a property that is not to be set here."""
    for name in options:
        if name not in OPTIONS:
            raise InvalidRequest(
                f"The Kafka property {name[:80]!r} cannot be set here.",
                fix=f"Certificates are given as text, in ssl.*.pem. There are: {', '.join(sorted(OPTIONS))}.",
                param="options",
            )


def is_installed() -> bool:
    return find_spec("confluent_kafka") is not None


class KafkaSender:
    """Brokers are looked up and judged before the client is made and at each reconnection of ours; the addresses that
    brokers advertise themselves are the cluster's own affair (docs/forward.md)."""

    def __init__(self, destination: Destination, allowed: tuple[Network, ...]) -> None:
        check_options(destination.secrets.options)
        self._brokers = destination.brokers
        self._topic = destination.topic
        self._options = destination.secrets.options
        self._allowed = allowed
        self._producer: Any = None
        self._connecting = asyncio.Lock()
        self._closed = threading.Event()

    async def send(self, packet: Packet) -> Outcome:
        async with self._connecting:  # several are sent at once, by one client
            problem = await self._connect() if self._producer is None and not self._closed.is_set() else ""
        if problem:
            return Outcome(verdict="away", problem=problem)
        return await asyncio.to_thread(self._deliver, packet)

    async def look(self) -> str:
        return (await self._found())[1]

    async def aclose(self) -> None:
        self._closed.set()  # a thread that waits for the brokers cannot be cancelled: the process would wait for it
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.flush, 5.0)

    async def _connect(self) -> str:
        """What is wrong, or nothing."""
        brokers, problem = await self._found()
        if problem:
            return problem
        try:
            self._producer = await asyncio.to_thread(self._make, brokers)
        except ImportError:
            return "The Kafka client is not installed: pip install 'trimtab[kafka]'."
        except Exception as error:  # noqa: BLE001  librdkafka refuses options in many ways, each with a sentence
            return f"The Kafka client cannot be made: {error}"
        return ""

    async def _found(self) -> tuple[list[str], str]:
        """The brokers that can be looked up, of which one is enough to find the others; and what is wrong where none
        can, or where one is where nothing may be sent."""
        found: list[str] = []
        lost: list[str] = []
        for broker in self._brokers.split(","):
            host, _, port = broker.rpartition(":") if ":" in broker.rpartition("]")[2] else (broker, "", "9092")
            try:
                await reachable(host.strip("[]"), int(port), self._allowed)
            except Forbidden as error:
                return [], str(error)
            except OSError as error:
                lost.append(f"the broker {host} could not be looked up: {error}")
            else:
                found.append(broker)
        return found, "" if found else "; ".join(lost)

    def _make(self, brokers: list[str]) -> Any:
        from confluent_kafka import Producer

        return Producer(
            {
                "client.id": "trimtab",
                "linger.ms": 5,
                "compression.type": "gzip",
                **self._options,
                "bootstrap.servers": ",".join(brokers),  # none that was not judged: it may come to lead elsewhere
                "enable.idempotence": True,
                "acks": "all",
                "delivery.timeout.ms": DELIVER_MS,
            },
            logger=logger,  # else librdkafka writes lines of its own to standard error, between those of the log
        )

    def _deliver(self, packet: Packet) -> Outcome:
        """Blocks until the brokers have it, or will not."""
        from confluent_kafka import KafkaError, KafkaException

        done = threading.Event()
        found: list[Any] = []

        def told(error: Any, message: Any) -> None:
            del message
            found.append(error)
            done.set()

        producer = self._producer
        if producer is None or self._closed.is_set():  # it was closed before this thread began
            return Outcome(verdict="away", problem="This server is stopping.")
        headers = [("content-type", b"application/json"), ("id", packet.id.encode())]
        try:
            producer.produce(self._topic, value=packet.body, key=packet.key.encode(), headers=headers, on_delivery=told)
        except BufferError as error:
            return Outcome(verdict="away", problem=f"The Kafka client's queue is full: {error}")
        except KafkaException as error:
            return _judged(error.args[0], KafkaError)
        end = time.monotonic() + TOLD_S
        while not (done.is_set() or self._closed.is_set()) and time.monotonic() < end:
            producer.poll(POLL_S)
        if not found:
            return Outcome(verdict="away", problem="The brokers did not acknowledge in time.")
        return Outcome(verdict="delivered") if found[0] is None else _judged(found[0], KafkaError)


def _judged(error: Any, codes: Any) -> Outcome:
    too_large = error.code() in (codes.MSG_SIZE_TOO_LARGE, codes.INVALID_MSG, codes.INVALID_MSG_SIZE)
    return Outcome(verdict="refused" if too_large else "away", problem=f"Kafka: {error.str()}")
