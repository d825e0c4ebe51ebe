"""What encryption at rest costs a call: ``python -m bench.sealing``. CPU time, the least of seven rounds."""

import time
from collections.abc import Callable

import msgspec

from trimtab.governance.data_key import DataKey
from trimtab.governance.sealing import Keyring
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.kinds import sealed
from trimtab.telemetry.records import Attempt, CallRecord, encode_record
from trimtab.telemetry.rows import Rows


class Nowhere:
    """Blobs that are not kept: no text here is large enough for one."""

    def put(self, content: bytes) -> str:
        raise AssertionError(len(content))

    def get(self, reference: str) -> bytes | None:
        del reference

    def delete(self, reference: str) -> None:
        del reference


def ring(project: str) -> Keyring:
    key = DataKey(id="0" * 16, project_id=project, state="active", wrapped="", created=1)
    return Keyring([(key, b"k" * 32)])


def record(size: int) -> CallRecord:
    """A call whose question and answer have so many characters."""
    text = ("the quick brown fox jumps over the lazy dog. " * 2000)[:size]
    message = {"role": "assistant", "content": text}
    answer = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    made = Attempt(
        span_id="a" * 16, provider="lab", kind="custom", model="m", dialect="openai_chat", started_ns=1, ended_ns=9,
        status=200, usage=Usage(input=10, output=10), cost=Cost(amount=1, price="p"),
        response=msgspec.json.encode(answer),
    )  # fmt: skip
    asked = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return CallRecord(
        request_id="req_1", trace_id="b" * 32, span_id="c" * 16, project="p1", key_id="k", front="openai_chat",
        model="m", started_ns=1, ended_ns=10, request=msgspec.json.encode(asked), attempts=(made,),
    )  # fmt: skip


def us(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU for one."""
    least = float("inf")
    for _ in range(7):
        began = time.process_time()
        for _ in range(times):
            work()
        least = min(least, time.process_time() - began)
    return least / times * 1e6


def mapped(call: CallRecord, keys: Keyring) -> Callable[[], object]:
    mapper = CallMapper(Nowhere(), None, lambda: keys)

    def work() -> None:
        mapper.add(Rows(), 0, call)

    return work


def main() -> None:
    none, other, own = Keyring(), ring("p2"), ring("p1")
    print(f"{'record':>10} {'none':>6} {'other':>6} {'seal':>6} {'open':>6} {'rows':>8} {'sealed rows':>12}   (us)")
    for size in (500, 2_000, 8_000, 30_000):
        call = record(size)
        body = encode_record(call)
        closed = sealed(own, body)
        figures = [
            us(lambda body=body: sealed(none, body), 3000),
            us(lambda body=body: sealed(other, body), 3000),
            us(lambda body=body: sealed(own, body), 3000),
            us(lambda closed=closed: own.open_record(closed), 3000),
            us(mapped(call, none), 400),
            us(mapped(call, own), 400),
        ]
        print(
            f"{len(body):>9} B {figures[0]:6.2f} {figures[1]:6.2f} {figures[2]:6.2f} {figures[3]:6.2f}"
            f" {figures[4]:8.1f} {figures[5]:12.1f}"
        )


if __name__ == "__main__":
    main()
