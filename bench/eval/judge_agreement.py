"""How far a model as `pairwise` judge agrees with people: the protocol, for any model that a Trimtab server can call.

    TRIMTAB_API_KEY=tt_... python bench/eval/judge_agreement.py DATA --model MODEL [--url URL] [--pairs 100] [--all]

``DATA`` is the folder of public sets (judge-mtbench-faireval-llmeval2: pairs of answers with what people preferred).
Only the held-out part is used unless ``--all`` is given: the other is there to try prompts on. Each pair is judged in
both orders, as the scorer does it. Reported, with bootstrap intervals over questions:

- agreement with people where the judge prefers one (a tie is no agreement and no disagreement: its share is told), and
  with a tie counted half;
- how often the judge contradicts itself after the swap, and how often it preferred the first place: a judge without a
  preference for a place does so in half of its answers;
- how many pairs could not be judged, and what it cost where the server knows the price.
"""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
from figures import wilson
from sets import answers

from trimtab.core.errors import UpstreamRejected, UpstreamTimeout
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Answered, Asked, Sample, Scored, Tools
from trimtab.server.judge_tools import body_of

AT_ONCE = 8


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


async def run(rows: list[dict[str, Any]], model: str, url: str, key: str) -> list[Any]:
    scorer = REGISTRY.get("pairwise")
    options = configured(scorer, {"model": model})
    places = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=300) as client:
        reach = tools(client)

        async def one(row: dict[str, Any]) -> Any:
            async with places:
                sample = Sample(input=row["input"], output=row["output_1"], other=row["output_2"])
                return await judge(scorer, sample, options, reach)

        return await asyncio.gather(*(one(row) for row in rows))


def report(rows: list[dict[str, Any]], verdicts: list[Any]) -> None:
    scored = [(row, verdict) for row, verdict in zip(rows, verdicts, strict=True) if isinstance(verdict, Scored)]
    print(f"{len(rows)} pairs, {len(rows) - len(scored)} could not be judged")
    for reason in sorted({verdict.reason[:120] for verdict in verdicts if not isinstance(verdict, Scored)})[:5]:
        print(f"  {reason}")
    if not scored:
        return
    people = np.array([float(row["label"] == 1) for row, _ in scored])
    said = np.array([verdict.value for _, verdict in scored], dtype=float)
    decided = said != 0.5
    right = int((said[decided] == people[decided]).sum())
    print(f"ties: {wilson(int((~decided).sum()), len(scored))}")
    if decided.any():
        print(f"agreement where it prefers one: {wilson(right, int(decided.sum()))} of {int(decided.sum())}")
    print(f"agreement, a tie counted half: {_clustered(scored, 1 - np.abs(said - people))}")
    details: list[dict[str, Any]] = [verdict.detail for _, verdict in scored if verdict.detail]
    if details:
        swapped = sum(not detail["agrees"] for detail in details)
        print(f"contradicts itself after the swap: {wilson(swapped, len(details))} of {len(details)}")
        # Of the two answers of each pair; `swapped` is told as if the places had not been exchanged.
        first = sum((detail["straight"] == "first") + (detail["swapped"] == "second") for detail in details)
        either = sum((detail["straight"] != "tie") + (detail["swapped"] != "tie") for detail in details)
        if either:
            print(f"prefers the first place: {wilson(first, either)} of {either}")


def _clustered(scored: list[tuple[dict[str, Any], Any]], values: Any) -> str:
    groups: dict[str, list[float]] = {}
    for (row, _), value in zip(scored, values.tolist(), strict=True):
        groups.setdefault(row["input"], []).append(value)
    each: list[npt.NDArray[np.float64]] = [np.array(group) for group in groups.values()]
    draw = np.random.default_rng(20261121)
    means: list[float] = []
    for _ in range(1000):
        chosen: list[int] = draw.integers(0, len(each), len(each)).tolist()
        means.append(float(np.concatenate([each[place] for place in chosen]).mean()))
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{float(values.mean()):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a model as pairwise judge against people.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--url", default=os.environ.get("TRIMTAB_URL", "http://127.0.0.1:4600"))
    parser.add_argument("--pairs", type=int, default=100, help="At most so many; each is asked about twice.")
    parser.add_argument("--all", action="store_true", help="Also the part that prompts are tried on.")
    options = parser.parse_args()
    rows = [row for row in answers(options.data) if options.all or row["held_out"]][: options.pairs]
    report(rows, asyncio.run(run(rows, options.model, options.url, os.environ.get("TRIMTAB_API_KEY", ""))))


if __name__ == "__main__":
    main()
