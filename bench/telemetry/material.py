"""Calls to measure with: records as the gateway writes them, with text that compresses and searches like text.

Words follow Zipf's law over 30,000 made-up words; each call has an order number of its own, so a search index meets
words it has never seen. About 2 KB go in and 1 KB comes out.
"""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trimtab.core.ids import uuid7_hex
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.telemetry.records import Attempt, CallRecord, Candidate, Fault, encode_record
from trimtab.telemetry.spool.segments import Segment

LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
WEIGHTS = [12, 9, 8, 7.5, 7, 7, 6, 6, 6, 4, 4, 3, 3, 2.5, 2, 2, 2, 2, 1.5, 1.5, 1, 0.8, 0.2, 0.2, 0.2, 0.1]
MODELS = ["fast", "smart", "cheap", "local", "vision", "embed-chat", "judge", "long"]
FEATURES = ["chat", "search", "summary", "triage", "draft", "translate"]
PROVIDERS = {"fast": "openai", "smart": "anthropic", "cheap": "openai", "local": "local"}


class Material:
    """Everything random comes from one seed."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self.words = [self._word() for _ in range(30_000)]
        weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self.words))))
        lengths = [self.random.randint(6, 18) for _ in range(20_000)]
        drawn = [self.random.choices(self.words, cum_weights=weights, k=length) for length in lengths]
        self.sentences = [" ".join(words).capitalize() + "." for words in drawn]

    def _word(self) -> str:
        return "".join(self.random.choices(LETTERS, WEIGHTS, k=self.random.randint(2, 10)))

    def text(self, size: int) -> str:
        parts: list[str] = []
        while size > 0:
            sentence = self.sentences[int(self.random.random() * len(self.sentences))]
            parts.append(sentence)
            size -= len(sentence) + 1
        return " ".join(parts)

    def call(self, number: int, started_ns: int, *, project: str) -> CallRecord:
        rnd = self.random
        model = MODELS[min(int(rnd.expovariate(0.7)), len(MODELS) - 1)]
        stream = rnd.random() < 0.5
        failed = rnd.random() < 0.03
        took = int(rnd.lognormvariate(6.5, 0.6) * 1e6)
        usage = Usage(input=rnd.randint(300, 900), cache_read=rnd.choice((0, 0, 512)), output=rnd.randint(50, 400))
        request = msgspec.json.encode(
            {
                "model": model,
                "messages": [
                    {"role": "system", "content": self.text(400)},
                    {"role": "user", "content": f"Order {number:08d}x{rnd.getrandbits(32):08x}: {self.text(1500)}"},
                ],
                "temperature": 0.2,
                "stream": stream,
            }
        )
        first = started_ns + took // 4
        attempt = Attempt(
            span_id=f"{rnd.getrandbits(64):016x}",
            provider=PROVIDERS.get(model, "openai"),
            kind="openai",
            model=f"vendor-{model}",
            dialect="openai_chat",
            started_ns=started_ns + 200_000,
            ended_ns=started_ns + took,
            first_byte_ns=first,
            first_token_ns=first,
            status=503 if failed else 200,
            outcome="error" if failed else "answer",
            fault=Fault(code="upstream_failure", message="The provider answered 503.", status=503) if failed else None,
            stream=stream,
            usage=None if failed else usage,
            cost=Cost() if failed else Cost(amount=usage.total() * 150_000, price="genai-prices/0:openai/x"),
            response_id=f"chatcmpl-{number}",
            model_used=f"vendor-{model}-2025",
            stop="" if failed else "stop",
            response=b"" if failed else self._answer(number, stream),
        )
        return CallRecord(
            request_id=uuid7_hex(started_ns),
            trace_id=uuid7_hex(started_ns),
            span_id=f"{rnd.getrandbits(64):016x}",
            project=project,
            key_id=f"key_{rnd.randint(1, 8)}",
            front="openai_chat",
            model=model,
            app="",
            environment="production",
            feature=FEATURES[rnd.randint(0, 5)],
            session=f"session-{rnd.randint(1, 50_000)}",
            user=f"user-{rnd.randint(1, 5_000)}",
            tags=("beta",) if rnd.random() < 0.1 else (),
            metadata={"team": rnd.choice(("red", "green", "blue"))},
            stream=stream,
            started_ns=started_ns,
            ended_ns=started_ns + took + 300_000,
            first_token_ns=first if stream else 0,
            status=503 if failed else 200,
            outcome="error" if failed else "answer",
            fault=attempt.fault,
            request=request,
            attempts=(attempt,),
            decision=(Candidate(model=model, provider=attempt.provider, verdict="chosen", reason="first in line"),),
            user_agent="OpenAI/Python 2.0",
        )

    def _answer(self, number: int, stream: bool) -> bytes:
        head = {"id": f"chatcmpl-{number}", "created": 1_750_000_000, "model": "vendor-2025"}
        text = self.text(800 if not stream else 250)
        usage = {"prompt_tokens": 700, "completion_tokens": 200, "total_tokens": 900}
        if not stream:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return msgspec.json.encode({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        chunk = {**head, "object": "chat.completion.chunk"}
        pieces = [text[at : at + 64] for at in range(0, len(text), 64)]
        deltas = [{"content": piece} for piece in pieces]
        events = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        events.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        events.append({**chunk, "choices": [], "usage": usage})
        return b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"

    def calls(self, count: int, *, end_ns: int, hours: float, project: str) -> Iterator[CallRecord]:
        """In the order in which they would have happened, spread evenly over the hours before ``end_ns``."""
        step = int(hours * 3.6e12 / count)
        start = end_ns - step * count
        for number in range(count):
            yield self.call(number, start + number * step, project=project)


def fill_spool(folder: Path, records: Iterator[CallRecord], *, segment_bytes: int = 16 << 20) -> tuple[int, int]:
    """Write records into spool segments as a worker would; returns their number and bytes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    count = size = 0
    segment = Segment(folder, "bench", "normal", 1)
    block: list[tuple[int, bytes]] = []
    for record in records:
        block.append((record.ended_ns // 1_000_000, encode_record(record)))
        if len(block) == 50:
            segment.insert(block)
            count += len(block)
            size += sum(len(body) for _, body in block)
            block.clear()
            if segment.size >= segment_bytes:
                opened = segment.opened_ns + 1
                segment.close()
                segment = Segment(folder, "bench", "normal", opened)
    if block:
        segment.insert(block)
        count += len(block)
        size += sum(len(body) for _, body in block)
    segment.close()
    return count, size
