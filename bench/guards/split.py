"""What looking over the seams of messages brings and costs: attacks of the test side cut in two or three at a blank,
each part a user's message; and harmless prompts of the test side, four at a time as one conversation.

    python -m bench.guards.split ../shared/data
"""

import argparse
import asyncio
import random
import time
from pathlib import Path
from typing import Final

from bench.guards.sets import Row, all_rows
from msgspec.structs import replace

from trimtab.guard.run import Runner
from trimtab.guard.seams import between
from trimtab.guard.spec import ready
from trimtab.guard.types import GuardSpec, Piece, Subject, Tools
from trimtab.scoring.shares import mid_p_share

KINDS: Final = ("injection", "jailbreak")
PER: Final = 4
MOST: Final = 1_000
"""Conversations of a kind."""


def conversation(texts: list[str]) -> Subject:
    return Subject(pieces=tuple(Piece(stage="input", text=text, role="user", place=str(at)) for at, text in
                                enumerate(texts)))  # fmt: skip


def cut(text: str, parts: int, draw: random.Random) -> list[str]:
    """At blanks with words on both sides; the whole text where there are too few."""
    words = text.split(" ")
    if len(words) < 2 * parts:
        return [text]
    places = sorted(draw.sample(range(1, len(words)), parts - 1))
    return [" ".join(words[start:end]) for start, end in zip((0, *places), (*places, len(words)), strict=True)]


async def stops(kind: str, subject: Subject, *, seams: bool) -> bool:
    guard = ready("g", 1, GuardSpec(kind=kind, action="block"))
    if not seams:
        subject = replace(subject, pieces=tuple(replace(each, role="") for each in subject.pieces))
    return (await Runner().look(guard, "input", subject, Tools())).verdict.action == "block"


async def line(name: str, conversations: list[Subject]) -> None:
    for kind in KINDS:
        counts, took = [0, 0], [0.0, 0.0]
        for each in conversations:
            for seams in (False, True):
                began = time.process_time()
                counts[seams] += await stops(kind, each, seams=seams)
                took[seams] += time.process_time() - began
        shares = [mid_p_share(count, len(conversations), 0.05) for count in counts]
        told = [f"{count} ({count / len(conversations):.1%}, {share.low:.1%} to {share.high:.1%})" for count, share in
                zip(counts, shares, strict=True)]  # fmt: skip
        each_ms = [1000 * seconds / len(conversations) for seconds in took]
        print(f"{name} | {kind} | {len(conversations)} | each by itself {told[0]} | over seams, too {told[1]} | "
              f"{each_ms[0]:.2f} ms | {each_ms[1]:.2f} ms", flush=True)  # fmt: skip


async def report(data: Path) -> None:
    rows = [row for row in all_rows(data) if row.side == "test" and row.place == "prompt"]
    draw = random.Random(7)
    attacks = sample([row for row in rows if row.label], draw)
    harmless: dict[str, list[str]] = {}
    for row in rows:
        if not row.label:
            harmless.setdefault(row.source, []).append(row.text)
    talks: list[Subject] = []
    for texts in harmless.values():
        draw.shuffle(texts)
        talks += [conversation(texts[at : at + PER]) for at in range(0, len(texts) - PER + 1, PER)]
    await line("attacks, whole", [conversation([row.text]) for row in attacks])
    for parts in (2, 3):
        await line(f"attacks in {parts}", [conversation(cut(row.text, parts, draw)) for row in attacks])
    await line(f"harmless, {PER} messages", talks)
    sizes = [(sum(len(p.text) for p in each.pieces), sum(len(s.piece.text) for s in between(each.pieces, " ")))
             for each in talks]  # fmt: skip
    whole, over = (sum(size[at] for size in sizes) for at in (0, 1))
    print(f"characters of the harmless ones: {whole}, over their seams {over}")


def sample(rows: list[Row], draw: random.Random) -> list[Row]:
    return rows if len(rows) <= MOST else draw.sample(rows, MOST)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    asyncio.run(report(parser.parse_args().data))


if __name__ == "__main__":
    main()
