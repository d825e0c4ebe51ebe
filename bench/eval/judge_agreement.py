"""How far a judge agrees with people: the protocol, for any model, and for judges that are none.

    TRIMTAB_API_KEY=tt_... python bench/eval/judge_agreement.py DATA --model MODEL [--url URL] [--pairs 100] [--all]
    python bench/eval/judge_agreement.py DATA --baseline length       # nearness, first, coin: the floor without a model

``DATA`` is the folder of public sets (judge-mtbench-faireval-llmeval2: pairs of answers with what people preferred).
Only the held-out part is used unless ``--all`` is given: the other is there to try prompts on. The pairs come in an
order made by a hash, so that a part of them is a fair sample. Each pair is judged in both orders, as the scorer does
it; with ``--scorer rubric`` each answer is scored by itself, and the one with more is preferred. ``--url`` may be any
server that speaks OpenAI's chat completions: Trimtab's, or the local model's own. With ``--kept FILE`` each verdict is
kept as it comes, and the next run goes on from there; ``--minutes`` ends a run.

Reported, with 95 % intervals (Wilson's for shares of pairs; bootstrap over questions for the rest):

- agreement with people where the judge prefers one (a tie is no agreement and no disagreement: its share is told), and
  with a tie counted half;
- Cohen's kappa with people, where the judge prefers one, and with a tie as an answer that people never give;
- position consistency: how often both orders gave the same answer; and how often it preferred the first place: a judge
  without a preference for a place does so in half of its answers;
- how many pairs could not be judged, and why.
"""

import argparse
import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import numpy.typing as npt
from figures import wilson
from sets import answers

from trimtab.core.errors import UpstreamRejected, UpstreamTimeout
from trimtab.scoring.agreement import Agreement, cohen_kappa
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.local import local_tools
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Answered, Asked, CannotScore, Sample, Scored, Tools
from trimtab.server.inner.judge_tools import body_of

CRITERIA = "The answer is helpful, correct and honest."
Row = dict[str, Any]
Place = Callable[[str, str, str], Awaitable[str]]
"""Of the input and two answers: ``first``, ``second`` or ``tie``."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One pair. ``pair`` is a hash of its texts; ``value`` is 1 where the first answer is preferred, 0.5 for a tie,
    null where it could not be judged, for ``reason``. ``straight`` and ``swapped`` are told as if the places had not
    been exchanged."""

    pair: str
    value: float | None
    reason: str = ""
    straight: str = ""
    swapped: str = ""


Judge = Callable[[Row], Awaitable[Judged]]


def pair_of(row: Row) -> str:
    return hashlib.sha256("\0".join((row["input"], row["output_1"], row["output_2"])).encode()).hexdigest()[:24]


def tools(client: httpx.AsyncClient) -> Tools:
    """Asks over the data plane, as any client does."""

    async def ask(asked: Asked) -> Answered:
        headers = {"trimtab-feature": "bench.judge"}
        try:
            said = await client.post("/v1/chat/completions", json=body_of(asked), headers=headers)
        except httpx.TimeoutException as error:
            raise UpstreamTimeout("the judge took too long") from error
        if said.status_code != 200:
            raise UpstreamRejected(said.text[:300], status=said.status_code)
        return Answered(text=said.json()["choices"][0]["message"]["content"] or "")

    return Tools(ask=ask)


def model_judge(client: httpx.AsyncClient, model: str, max_tokens: int) -> Judge:
    scorer = REGISTRY.get("pairwise")
    options, reach = configured(scorer, {"model": model, "max_tokens": max_tokens}), tools(client)

    async def one(row: Row) -> Judged:
        sample = Sample(input=row["input"], output=row["output_1"], other=row["output_2"])
        verdict = await judge(scorer, sample, options, reach)
        if isinstance(verdict, CannotScore):
            return Judged(pair=pair_of(row), value=None, reason=verdict.reason)
        return _judged(row, verdict)

    return one


def rubric_judge(client: httpx.AsyncClient, model: str, max_tokens: int) -> Judge:
    """Each answer by itself, from 1 to 5; the one with more is preferred. The judge sees no places."""
    scorer = REGISTRY.get("rubric")
    told = {"model": model, "max_tokens": max_tokens, "criteria": CRITERIA}
    options, reach = configured(scorer, told), tools(client)

    async def one(row: Row) -> Judged:
        found: list[float] = []
        for output in (row["output_1"], row["output_2"]):
            verdict = await judge(scorer, Sample(input=row["input"], output=output), options, reach)
            if isinstance(verdict, CannotScore) or verdict.value is None:
                reason = verdict.reason if isinstance(verdict, CannotScore) else "a verdict without a value"
                return Judged(pair=pair_of(row), value=None, reason=reason)
            found.append(verdict.value)
        place = "tie" if found[0] == found[1] else "first" if found[0] > found[1] else "second"
        value = {"tie": 0.5, "first": 1.0, "second": 0.0}[place]
        return Judged(pair=pair_of(row), value=value, straight=place, swapped=place)

    return one


def _judged(row: Row, verdict: Scored) -> Judged:
    detail: dict[str, Any] = verdict.detail or {}
    straight, swapped = detail.get("straight", "tie"), detail.get("swapped", "tie")
    return Judged(pair=pair_of(row), value=verdict.value, straight=straight, swapped=swapped)


def baseline_judge(place: Place) -> Judge:
    """The scorer's own rule for two orders, around a judge that is no model."""
    turned = {"first": "second", "second": "first", "tie": "tie"}
    values = {"first": 1.0, "second": 0.0, "tie": 0.5}

    async def one(row: Row) -> Judged:
        straight = await place(row["input"], row["output_1"], row["output_2"])
        swapped = turned[await place(row["input"], row["output_2"], row["output_1"])]
        found = values[straight] if straight == swapped else 0.5
        return Judged(pair=pair_of(row), value=found, straight=straight, swapped=swapped)

    return one


async def _length(_input: str, first: str, second: str) -> str:
    if len(first) == len(second):
        return "tie"
    return "first" if len(first) > len(second) else "second"


async def _first(_input: str, _one: str, _two: str) -> str:
    return "first"


async def _coin(question: str, first: str, second: str) -> str:
    drawn = hashlib.sha256(f"coin\0{question}\0{first}\0{second}".encode()).digest()[0]
    return "first" if drawn % 2 else "second"


def _nearness() -> Place:
    reach = local_tools()
    assert reach.embed is not None

    async def place(question: str, first: str, second: str) -> str:
        assert reach.embed is not None
        vectors = await reach.embed([question, first, second])
        one, two = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
        if one == two:
            return "tie"
        return "first" if one > two else "second"

    return place


BASELINES: dict[str, Callable[[], Place]] = {
    "length": lambda: _length,
    "nearness": _nearness,
    "first": lambda: _first,
    "coin": lambda: _coin,
}


def read_kept(file: Path | None) -> dict[str, Judged]:
    """By pair. A line that a killed run left half written is judged again."""
    found: dict[str, Judged] = {}
    if file is None or not file.exists():
        return found
    for line in file.read_bytes().splitlines():
        try:
            verdict = msgspec.json.decode(line, type=Judged)
        except msgspec.DecodeError:
            continue
        found[verdict.pair] = verdict
    return found


async def run(rows: Sequence[Row], judged: Judge, file: Path | None, until: float, at_once: int) -> dict[str, Judged]:
    """Judges what is not kept yet, until the monotonic time ``until``; returns all verdicts by pair."""
    found = read_kept(file)
    places = asyncio.Semaphore(at_once)

    async def one(row: Row) -> None:
        async with places:
            if pair_of(row) in found or time.monotonic() >= until:
                return
            verdict = await judged(row)
            found[verdict.pair] = verdict
            if file is not None:
                with file.open("ab") as out:
                    out.write(msgspec.json.encode(verdict) + b"\n")

    await asyncio.gather(*(one(row) for row in rows))
    return found


def report(rows: Sequence[Row], found: dict[str, Judged]) -> None:
    seen = [(row, found[pair_of(row)]) for row in rows if pair_of(row) in found]
    scored = [(row, verdict, verdict.value) for row, verdict in seen if verdict.value is not None]
    missing = [verdict.reason for _, verdict in seen if verdict.value is None]
    print(f"{len(seen)} of {len(rows)} pairs asked about, {len(missing)} could not be judged")
    for reason in sorted({reason[:120] for reason in missing}):
        print(f"  {sum(each.startswith(reason) for each in missing)}x {reason}")
    if not scored:
        return
    people = np.array([float(row["label"] == 1) for row, _, _ in scored])
    said = np.array([value for _, _, value in scored], dtype=float)
    decided = said != 0.5
    right = int((said[decided] == people[decided]).sum())
    print(f"ties: {wilson(int((~decided).sum()), len(scored))} of {len(scored)}")
    if decided.any():
        print(f"agreement where it prefers one: {wilson(right, int(decided.sum()))} of {int(decided.sum())}")
    groups = [str(row["input"]) for row, _, _ in scored]
    print(f"agreement, a tie counted half: {_clustered(groups, 1 - np.abs(said - people))}")
    _kappas(people, said, groups)
    _places([verdict for _, verdict, _ in scored])


def _kappas(people: npt.NDArray[np.float64], said: npt.NDArray[np.float64], groups: Sequence[str]) -> None:
    words = {1.0: "first", 0.0: "second", 0.5: "tie"}
    whole = [(words[one], words[two]) for one, two in zip(people.tolist(), said.tolist(), strict=True)]
    pick = [place for place, (_, two) in enumerate(whole) if two != "tie"]
    if pick:
        kappa = cohen_kappa([whole[place] for place in pick], groups=[groups[place] for place in pick])
        print(f"kappa where it prefers one: {_kappa(kappa)}")
    print(f"kappa, ties as answers: {_kappa(cohen_kappa(whole, groups=groups))}")


def _kappa(found: Agreement) -> str:
    if found.value is None or found.interval is None:
        return "not defined"
    return f"{found.value:.3f} [{found.interval.low:.3f}, {found.interval.high:.3f}]"


def _places(verdicts: Sequence[Judged]) -> None:
    same = sum(each.straight == each.swapped for each in verdicts)
    print(f"position consistency: {wilson(same, len(verdicts))} of {len(verdicts)}")
    first = sum((each.straight == "first") + (each.swapped == "second") for each in verdicts)
    either = sum((each.straight != "tie") + (each.swapped != "tie") for each in verdicts)
    if either:
        print(f"prefers the first place: {wilson(first, either)} of {either} answers")


def _clustered(groups: Sequence[str], values: npt.NDArray[np.float64]) -> str:
    members: dict[str, list[float]] = {}
    for group, value in zip(groups, values.tolist(), strict=True):
        members.setdefault(group, []).append(value)
    each: list[npt.NDArray[np.float64]] = [np.array(group) for group in members.values()]
    draw = np.random.default_rng(20261121)
    means: list[float] = []
    for _ in range(1000):
        chosen: list[int] = draw.integers(0, len(each), len(each)).tolist()
        means.append(float(np.concatenate([each[place] for place in chosen]).mean()))
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{float(values.mean()):.3f} [{low:.3f}, {high:.3f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a pairwise judge against people.")
    parser.add_argument("data", type=Path)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model")
    which.add_argument("--baseline", choices=tuple(BASELINES))
    parser.add_argument("--scorer", choices=("pairwise", "rubric"), default="pairwise", help="Both, or each by itself.")
    parser.add_argument("--url", default=os.environ.get("TRIMTAB_URL", "http://127.0.0.1:4600"))
    parser.add_argument("--pairs", type=int, default=100, help="At most so many; each is asked about twice.")
    parser.add_argument("--all", action="store_true", help="Also the part that prompts are tried on.")
    parser.add_argument("--kept", type=Path, help="Keep verdicts here (JSON lines) and go on from there.")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="Begin no pair after so long.")
    parser.add_argument("--at-once", type=int, default=8, help="Pairs at a time.")
    parser.add_argument("--max-tokens", type=int, default=1024, help="Bounds a verdict.")
    return parser.parse_args()


async def _judge_all(options: argparse.Namespace, rows: Sequence[Row]) -> dict[str, Judged]:
    until = time.monotonic() + options.minutes * 60
    if options.baseline:
        place = BASELINES[options.baseline]()
        return await run(rows, baseline_judge(place), options.kept, until, options.at_once)
    headers = {"authorization": f"Bearer {os.environ.get('TRIMTAB_API_KEY', '')}"}
    async with httpx.AsyncClient(base_url=options.url, headers=headers, timeout=600) as client:
        make = rubric_judge if options.scorer == "rubric" else model_judge
        asked = make(client, options.model, options.max_tokens)
        return await run(rows, asked, options.kept, until, options.at_once)


def main() -> None:
    options = _options()
    rows = [row for row in answers(options.data) if options.all or row["held_out"]]
    rows = sorted(rows, key=pair_of)[: options.pairs]
    report(rows, asyncio.run(_judge_all(options, rows)))


if __name__ == "__main__":
    main()
