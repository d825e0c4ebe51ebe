"""How well corpora are searched, and how fast: ``python -m bench.retrieval.run --data DIR``.

**Found**: public sets in which each question belongs to one document. A document is put as it is, cut and embedded
as usual, and each question searches all documents; where its own stands among those found is what is measured. Nothing
was chosen by these sets (BM25's and the fusion's constants are those of the literature); figures are of the half of the
questions that a hash of them picks, so that the other half is there to choose by. The sets are small: they tell the
ways of searching from each other, and not how well the product does on a corpus of thousands.

**Fast**: indexes of made-up chunks (random directions of 384 numbers; 90 words, drawn as Zipf's law has it from
50,000), searched from one thread for 12 words that are drawn as the chunks' own are, with access lists that admit all,
a tenth and a hundredth. As in a server, numpy multiplies in one thread.
"""

import argparse
import hashlib
import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported

import numpy as np

from trimtab.gateway.apps.knowledge import Mode
from trimtab.llm.embedder import DIMENSION, Embedder
from trimtab.retrieval import index, pieces, ranking
from trimtab.retrieval.index import Doc, Index, Part
from trimtab.retrieval.pieces import Pieces
from trimtab.retrieval.ranking import Side
from trimtab.retrieval.types import ChunkerSpec, Text
from trimtab.scoring.stats import wilson

MODES: tuple[Mode, ...] = ("words", "meaning", "hybrid")
DEEP = 10
SIZES = (1_000, 10_000, 100_000)
SHARES = (1.0, 0.1, 0.01)
WORDS, VOCABULARY, ASKED = 90, 50_000, 12


def sets(data: Path) -> dict[str, list[tuple[str, str]]]:
    """Pairs of a question and its document, by the set's name."""
    qa = [json.loads(line) for line in (data / "hallucination-halueval-qa/data.jsonl").open(encoding="utf-8")]
    like = [json.loads(line) for line in (data / "semcache-gptcache-mock/data.jsonl").open(encoding="utf-8")]
    return {
        "halueval-qa": sorted({(each["question"], each["knowledge"]) for each in qa}),
        "gptcache-mock": sorted({(each["similar"], each["origin"]) for each in like}),
    }


def is_test(question: str) -> bool:
    return int(hashlib.sha256(f"retrieval:{question}".encode()).hexdigest()[:8], 16) % 2 == 0


def indexed(documents: list[str], embedder: Embedder) -> Index:
    parts: list[Part] = []
    for number, body in enumerate(documents):
        text = Text(title="", source="", kind="text", body=body)
        cut = pieces.cut(text, ChunkerSpec())
        made = pieces.opened(pieces.packed(cut, np.stack(embedder.embed_now(cut.texts))))
        parts.append(Part(Doc(str(number), "", ""), body.encode(), made, index.offsets(body, made)))
    return index.made(parts)


def ranks(made: Index, questions: list[tuple[str, int]], embedder: Embedder) -> dict[str, list[int | None]]:
    """For each way of searching the rank of each question's own document, None beyond the tenth."""
    found: dict[str, list[int | None]] = {mode: [] for mode in MODES}
    for text, own in questions:
        side = Side(made, None, embedder.embed_now([text])[0], "local")
        marks = list(ranking.marks_of(text).values())
        for mode in MODES:
            best = ranking.ranked([side], marks, mode, 5 * DEEP, None)
            order = list(dict.fromkeys(int(made.docs[each.chunk]) for each in best))[:DEEP]
            found[mode].append(order.index(own) + 1 if own in order else None)
    return found


def figures(of: list[int | None]) -> dict[str, Any]:
    told: dict[str, Any] = {"questions": len(of)}
    for most in (1, 5):
        hits = sum(rank is not None and rank <= most for rank in of)
        sure = wilson(hits, len(of))
        told[f"recall@{most}"] = [hits / len(of), sure.low, sure.high]
    gains = np.array([0.0 if rank is None else 1 / math.log2(rank + 1) for rank in of])
    drawn = np.random.default_rng(7).choice(gains, (4000, len(gains))).mean(axis=1)
    told["ndcg@10"] = [float(gains.mean()), *(float(each) for each in np.quantile(drawn, (0.025, 0.975)))]
    return told


def quality(data: Path) -> dict[str, Any]:
    embedder, told = Embedder(), dict[str, Any]()
    for name, pairs in sets(data).items():
        documents = list(dict.fromkeys(document for _, document in pairs))
        numbers = {document: number for number, document in enumerate(documents)}
        made = indexed(documents, embedder)
        questions = [(question, numbers[document]) for question, document in pairs if is_test(question)]
        found = ranks(made, questions, embedder)
        told[name] = {"documents": len(documents), "chunks": len(made)} | {m: figures(found[m]) for m in MODES}
    return told


# --- how fast ---


def made_up(chunks: int, draw: np.random.Generator) -> Index:
    """Documents of ten chunks each."""
    parts: list[Part] = []
    odds = 1 / np.arange(1, VOCABULARY + 1)
    marks = np.sort(draw.integers(0, 2**63, VOCABULARY, dtype=np.uint64))
    order = draw.permutation(VOCABULARY)
    whole = draw.choice(VOCABULARY, (chunks, WORDS), p=odds / odds.sum())
    for at in range(0, chunks, 10):
        here = min(10, chunks - at)
        terms, counts, bounds = list[Any](), list[Any](), [0]
        for each in whole[at : at + here]:
            own, times = np.unique(marks[order[each]], return_counts=True)
            terms.append(own)
            counts.append(times.astype("<u2"))
            bounds.append(bounds[-1] + len(own))
        vectors = draw.standard_normal((here, DIMENSION), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        places = np.arange(here, dtype="<i4") * 8
        made = Pieces(
            chunks=here, dimension=DIMENSION, starts=places.tobytes(), ends=(places + 8).tobytes(),
            hashes=bytes(16 * here), vectors=vectors.tobytes(), terms=np.concatenate(terms).tobytes(),
            counts=np.concatenate(counts).tobytes(), bounds=np.array(bounds, dtype="<i4").tobytes(),
            under=("",) * here,
        )  # fmt: skip
        text = "seven.. " * here
        parts.append(Part(Doc(str(at), "", ""), text.encode(), made, index.offsets(text, made)))
    began = time.perf_counter()
    built = index.made(parts)
    print(f"  {chunks:,} chunks put together in {time.perf_counter() - began:.2f} s")
    return built


def latency(chunks: int, rounds: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(chunks)
    with tempfile.TemporaryDirectory() as folder:
        built = made_up(chunks, draw)
        built.save(Path(folder))
        began = time.perf_counter()
        made = index.load(Path(folder))
        opened = (time.perf_counter() - began) * 1000
        assert made is not None
        marks: Any = np.load(Path(folder) / "marks.npy")
        heads: Any = np.load(Path(folder) / "heads.npy")
        words = list(marks[np.searchsorted(heads, draw.integers(0, heads[-1], 5_000), "right") - 1].tolist())
        rows: list[dict[str, Any]] = []
        for share in SHARES:
            admitted = None if share == 1.0 else draw.random(chunks) < share
            about = {"chunks": chunks, "mb": made.bytes >> 20, "open_ms": opened, "admitted": share}
            rows += [about | timed(made, admitted, mode, words, draw, rounds) for mode in MODES]
    return rows


def timed(
    made: Index, admitted: Any, mode: Mode, words: list[int], draw: np.random.Generator, rounds: int
) -> dict[str, float]:
    times: list[float] = []
    busy: list[float] = []
    for _ in range(rounds + 3):
        question = draw.standard_normal(DIMENSION, dtype=np.float32)
        question /= np.linalg.norm(question)
        marks = [words[at] for at in draw.integers(0, len(words), ASKED)]
        began, own = time.perf_counter(), time.thread_time()
        ranking.ranked([Side(made, admitted, question, "local")], marks, mode, 5, None)
        times.append((time.perf_counter() - began) * 1000)
        busy.append((time.thread_time() - own) * 1000)
    p50, p99 = np.quantile(times[3:], (0.5, 0.99))
    return {"p50_ms": float(p50), "p99_ms": float(p99), "cpu_ms": float(np.median(busy[3:]))}


# --- telling ---


def told_quality(found: dict[str, Any]) -> str:
    lines = ["| set | documents | questions | by | recall@1 | recall@5 | nDCG@10 |", "|---|---|---|---|---|---|---|"]
    for name, of in found.items():
        for mode in MODES:
            cells = [f"{v:.2f} ({low:.2f} to {high:.2f})" for v, low, high in
                     (of[mode][each] for each in ("recall@1", "recall@5", "ndcg@10"))]  # fmt: skip
            lines.append(f"| {name} | {of['documents']} | {of[mode]['questions']} | {mode} | {' | '.join(cells)} |")
    return "\n".join(lines)


def told_latency(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| chunks | size | admitted | words: processor, p50 | meaning | hybrid |", "|---|---|---|---|---|---|"
    ]  # fmt: skip
    for at in range(0, len(rows), len(MODES)):
        row = rows[at]
        times = " | ".join(f"{e['cpu_ms']:.1f}, {e['p50_ms']:.1f} ms" for e in rows[at : at + len(MODES)])
        lines.append(f"| {row['chunks']:,} | {row['mb']} MB | {row['admitted']:.0%} | {times} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="How well corpora are searched, and how fast.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--skip", choices=("quality", "latency"))
    given = parser.parse_args()
    if given.skip != "quality":
        print(told_quality(quality(given.data)), flush=True)
    if given.skip != "latency":
        print(told_latency([row for size in SIZES for row in latency(size, given.rounds)]))


if __name__ == "__main__":
    main()
