"""Measure guards on texts that nothing was tuned on, and their time:

    python -m bench.guards.run DATA [--peers PYTHON] [--docs] [--only pii]

``DATA`` is the folder of public sets; ``--peers`` an interpreter that has presidio-analyzer with a pipeline of spaCy,
msgspec, clawguard-core and forcefield. All figures are of the side ``test`` of `sets.py`; thresholds for 1 % and 5 %
false alarms are chosen on its side ``tune``, so that the rate on the test side is what it is and stands beside.
``--docs`` rewrites the tables in docs/benchmarks.md. Three minutes.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.guards import personal_data
from bench.guards.sets import Row, all_rows

from trimtab.guard import operating
from trimtab.guard.guards import REGISTRY
from trimtab.guard.operating import GuardShare, Judged
from trimtab.guard.run import Runner
from trimtab.guard.spec import chain, ready
from trimtab.guard.types import CannotTell, GuardSpec, Piece, Stage, Subject, Tools

DOCS: Final = Path("docs/benchmarks.md")
START, END = "<!-- bench:guards:start -->", "<!-- bench:guards:end -->"
PEERS: Final = Path(__file__).parent / "peer_injection.py"
CHAIN: Final = ("pii", "secrets", "injection", "egress")
"""The input chain of the bar: personal data, credentials, injection, policy."""
STOPPING: Final = ("injection", "jailbreak", "secrets", "egress")
"""Guards of prompts and documents that may stop a call for what is no attack. `pii` is not one: it takes out."""
ROUNDS: Final = 7
CHARACTERS: Final = 4_600
"""Of 1,000 tokens of English."""
Score = Callable[[Row], float]


def score_of(name: str, options: dict[str, Any] | None = None) -> Score:
    """A guard's score of a text at the stage where it would stand."""
    plug = REGISTRY.get(name)
    ready = plug.made(plug.options(**(options or {})))

    def score(row: Row) -> float:
        stage: Stage = "input" if row.place == "prompt" else "retrieved"
        found = plug.look(Subject(pieces=(Piece(stage=stage, text=row.text),)), ready, Tools())
        if isinstance(found, CannotTell):
            raise TypeError(found.reason)
        return found.score  # pyright: ignore[reportAttributeAccessIssue] - these look at once

    return score


def judged(rows: Sequence[Row], scores: Sequence[float]) -> list[Judged]:
    return [
        operating.described(row.text, score, attack=row.label, family=f"{row.source}: {row.family}")
        for row, score in zip(rows, scores, strict=True)
    ]


def shown(share: GuardShare) -> str:
    return "" if share.share is None else f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%})"


# --- over-blocking ---


def over_blocking(rows: Sequence[Row], scores: dict[str, list[float]]) -> list[str]:
    lines = [
        "| harmless texts | n | injection | jailbreak | secrets, egress | any of these |",
        "|---|---|---|---|---|---|",
    ]
    sets: dict[str, Callable[[Row], bool]] = {
        "benign-wildguard": lambda row: row.source == "benign-wildguard",
        "benign-cyber-frr": lambda row: row.source == "benign-cyber-frr",
        "both of these": lambda row: row.source.startswith("benign-"),
        "all public prompts": lambda row: row.source != "own" and row.place == "prompt",
        "everyday prompts": lambda row: row.family == "everyday" and row.place == "prompt",
        "own prompts, with trigger words": lambda row: row.source == "own" and row.place == "prompt",
        "documents of others": lambda row: row.source != "own" and row.place == "document",
        "own documents": lambda row: row.source == "own" and row.place == "document",
    }
    for name, inside in sets.items():
        at = [place for place, row in enumerate(rows) if not row.label and inside(row)]
        cells: list[str] = []
        for columns in (("injection",), ("jailbreak",), ("secrets", "egress"), STOPPING):
            count = sum(any(scores[column][place] >= 0.5 for column in columns) for place in at)
            cells.append(shown(operating.share(count, len(at))))
        lines.append(f"| {name} | {len(at)} | {' | '.join(cells)} |")
    return lines


# --- recall ---


def recalls(name: str, rows: Sequence[Row], scores: Sequence[float], places: Sequence[str]) -> list[str]:
    """By family, at the shipped threshold and at those that keep 1 % and 5 % of the tuning side's harmless texts."""
    inside = [(row, score) for row, score in zip(rows, scores, strict=True) if row.place in places]
    tune = judged(*_split(inside, "tune"))
    test = judged(*_split(inside, "test"))
    lines: list[str] = []
    points = {"shipped": 0.5, **{f"{budget:.0%}": operating.chosen(tune, budget).threshold for budget in (0.01, 0.05)}}
    found = {column: operating.at(test, threshold, 0.01) for column, threshold in points.items()}
    lines.append(
        f"| *{name}: false alarms* | {found['shipped'].alarms.of} | "
        + " | ".join(shown(point.alarms) for point in found.values()) + " |"
    )  # fmt: skip
    for place, part in enumerate(found["shipped"].by_family):
        if part.recall.of:
            cells = [shown(point.by_family[place].recall) for point in found.values()]
            lines.append(f"| {part.name} | {part.recall.of} | {' | '.join(cells)} |")
    for place, part in enumerate(found["shipped"].by_length):
        if part.recall.of:
            cells = [shown(point.by_length[place].recall) for point in found.values()]
            lines.append(f"| *all, {part.name}* | {part.recall.of} | {' | '.join(cells)} |")
    return lines


def _split(inside: Sequence[tuple[Row, float]], side: str) -> tuple[list[Row], list[float]]:
    kept = [(row, score) for row, score in inside if row.side == side]
    return [row for row, _ in kept], [score for _, score in kept]


def concerned(name: str, row: Row) -> bool:
    """Whether a row is one that the guard is for, or harmless."""
    jailbreak = row.family.startswith("jailbreak") or row.source == "jailbreak-inthewild"
    return not row.label or jailbreak == (name == "jailbreak")


# --- peers ---


def peers(python: str, rows: Sequence[Row], scores: dict[str, list[float]]) -> list[str]:
    """Would they block: on the same rows, as they come; ours as it ships (either guard)."""
    done = subprocess.run(
        [python, str(PEERS)], input=json.dumps([row.text for row in rows]), capture_output=True, text=True, check=True
    )
    said: dict[str, dict[str, Any]] = json.loads(done.stdout)
    flagged = {name: [bool(each[1]) for each in found["found"]] for name, found in said.items()}
    ours = [max(scores["injection"][at], scores["jailbreak"][at]) >= 0.5 for at in range(len(rows))]
    lines = [
        "| who | harmless prompts | wildguard, cyber-frr | harmless documents | in the wild | Giskard | BIPIA | own |",
        "|---|---|---|---|---|---|---|---|",
    ]
    columns: tuple[Callable[[Row], bool], ...] = (
        lambda row: not row.label and row.place == "prompt",
        lambda row: row.source.startswith("benign-"),
        lambda row: not row.label and row.place == "document",
        lambda row: row.source == "jailbreak-inthewild",
        lambda row: row.source == "injection-giskard",
        lambda row: row.source == "injection-bipia-train" and row.label,
        lambda row: row.source == "own" and row.label,
    )
    for name, flags in {"trimtab, as shipped": ours, **flagged}.items():
        cells: list[str] = []
        for inside in columns:
            at = [place for place, row in enumerate(rows) if inside(row)]
            cells.append(shown(operating.share(sum(flags[place] for place in at), len(at))))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "Their time for 1,000 tokens (CPU): " + ", ".join(f"{n} {f['ms']:.1f} ms" for n, f in said.items()) + ".",
    ]
    return lines


# --- personal data ---


def personal(data: Path, python: str) -> list[str]:
    rows = [row for row in personal_data.rows(data) if not row.seen]
    texts = [row.text for row in rows]
    found = {"trimtab": personal_data.ours(texts, "cues")}
    if python:
        found["Presidio"] = personal_data.presidio(python, texts)
        found["trimtab, names by the same model"] = personal_data.ours_elsewhere(python, texts)
    lines = [f"{len(rows)} rows of templates that were not looked at.", "", personal_data.HEADER]
    for kinds in (personal_data.SHAPES, ("name", "place"), (*personal_data.SHAPES, "name", "place")):
        for who, spans in found.items():
            counted = personal_data.counts(rows, spans, kinds)
            if len(kinds) > 4:
                counted = counted[-1:]
            names = {
                "all": "*by shape*"
                if kinds == personal_data.SHAPES
                else "*all*"
                if len(kinds) > 4
                else "*names, places*"
            }
            lines += [personal_data.line(who, each).replace("| all |", f"| {names['all']} |") for each in counted]
    return lines


# --- time ---


def times(rows: Sequence[Row]) -> list[str]:
    """CPU of one core for texts of `CHARACTERS`: harmless prompts and documents strung together. Of each text the best
    of `ROUNDS` rounds, since other processes share the core's caches; and all rounds beside."""
    pool = [row.text for row in rows if not row.label]
    texts: list[str] = []
    for at in range(40):
        text = ""
        while len(text) < CHARACTERS:
            text += pool[(at * 37 + len(text) * 13) % len(pool)] + "\n\n"
        texts.append(text[:CHARACTERS])
    names = (*CHAIN, "jailbreak", "prompt_leak", "code")
    taken = {name: [[_timed(name, text) for text in texts] for _ in range(ROUNDS)] for name in names}
    chains = {"**input chain** (" + ", ".join(CHAIN) + ")": CHAIN, "the same with `jailbreak`": (*CHAIN, "jailbreak")}
    for title, parts in chains.items():
        taken[title] = [
            [sum(each) for each in zip(*(taken[name][at] for name in parts), strict=True)] for at in range(ROUNDS)
        ]
    for title, parts in chains.items():
        ran = _runner_of(parts)
        taken[f"{title}, run as a chain"] = [[ran(text) for text in texts] for _ in range(ROUNDS)]
    lines = ["| guard | p50 ms | p95 ms | p95 of all rounds |", "|---|---|---|---|"]
    for name, rounds in taken.items():
        best = sorted(min(values) for values in zip(*rounds, strict=True))
        every = sorted(value for values in rounds for value in values)
        title = f"`{name}`" if name in names else name
        lines.append(f"| {title} | {_at(best, 0.5):.2f} | {_at(best, 0.95):.2f} | {_at(every, 0.95):.2f} |")
    return lines


def _runner_of(names: Sequence[str]) -> Callable[[str], float]:
    """The time of a chain as calls have it: with all that is done about looks, and what guards share done once."""
    made = chain(ready(name, 1, GuardSpec(kind=name, order=at)) for at, name in enumerate(names))
    assert made is not None
    loop, runner = asyncio.new_event_loop(), Runner()

    def run(text: str) -> float:
        subject = Subject(pieces=(Piece(stage="input", text=text, role="user"),))
        began = time.process_time()
        ran = loop.run_until_complete(runner.run(made, subject, Tools(), "input"))
        taken = time.process_time() - began
        assert len(ran.verdicts) == len(names)
        return taken * 1e3

    run("warm")
    return run


def _timed(name: str, text: str) -> float:
    plug = REGISTRY.get(name)
    ready = plug.made(plug.options())
    subject = Subject(
        pieces=(Piece(stage=plug.stages[0], text=text),), system="You answer questions about trains. " * 8
    )
    plug.look(Subject(pieces=(Piece(stage=plug.stages[0], text="warm"),)), ready, Tools())
    began = time.process_time()
    plug.look(subject, ready, Tools())
    return (time.process_time() - began) * 1e3


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def report(data: Path, python: str, only: str) -> list[str]:
    lines: list[str] = []
    if only in ("", "attacks"):
        rows = [row for row in all_rows(data) if row.side != "train"]
        scores = {name: [score_of(name)(row) for row in rows] for name in STOPPING}
        test = [place for place, row in enumerate(rows) if row.side == "test"]
        tested = [rows[place] for place in test]
        kept = {name: [values[place] for place in test] for name, values in scores.items()}
        lines += ["**Over-blocking** at the shipped thresholds", "", *over_blocking(tested, kept), ""]
        lines += ["**Recall** at the shipped threshold, and at 1 % and 5 % false alarms on the tuning side", "",
                  "| attacks | n | shipped | 1 % | 5 % |", "|---|---|---|---|---|"]  # fmt: skip
        for name, places in (("injection", ("prompt",)), ("injection", ("document",)), ("jailbreak", ("prompt",))):
            pick = [place for place, row in enumerate(rows) if concerned(name, row)]
            title = f"{name}, {'prompts' if places == ('prompt',) else 'documents'}"
            lines += recalls(title, [rows[at] for at in pick], [scores[name][at] for at in pick], places)
        if python:
            lines += ["", "**Beside rule packages**, as they come: texts flagged", "", *peers(python, tested, kept)]
        lines.append("")
    if only in ("", "pii"):
        lines += ["**Personal data**", "", *personal(data, python), ""]
    if only in ("", "time"):
        rows = [row for row in all_rows(data) if row.side == "test"]
        load = os.getloadavg()[0]
        lines += [f"**Time** for 1,000 tokens ({CHARACTERS:,} characters), one core (CPU); load {load:.1f}", "",
                  *times(rows), ""]  # fmt: skip
    return lines


def write(lines: Sequence[str]) -> None:
    old = DOCS.read_text()
    before, _, rest = old.partition(START)
    when = f"Measured {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}."
    DOCS.write_text(f"{before}{START}\n{when}\n\n" + "\n".join(lines) + f"\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", default="", help="an interpreter that has the peers")
    parser.add_argument("--only", default="", choices=("", "attacks", "pii", "time"))
    parser.add_argument("--docs", action="store_true", help="rewrite the tables in docs/benchmarks.md")
    given = parser.parse_args()
    lines = report(given.data, given.peers, given.only)
    print("\n".join(lines))
    if given.docs:
        write(lines)


if __name__ == "__main__":
    main()
