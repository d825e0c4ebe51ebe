"""The sets that our heads are trained and measured on, and how each is split: by group, before anything is tuned."""

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from trimtab.scoring.sentences import is_negated, names, sentences

OWN = Path(__file__).parent
TEST = 400
"""Per mille of the groups that are held out."""


class Row(Struct, frozen=True, kw_only=True):
    """``text`` with its ``label``; ``group`` is what was split by, ``kind`` what figures are broken down by."""

    text: str
    label: bool
    group: str
    kind: str = ""
    question: str = ""
    context: str = ""
    held_out: bool = False


def held_out(group: str, salt: str) -> bool:
    return int(hashlib.sha256(f"{salt}:{group}".encode()).hexdigest()[:8], 16) % 1000 < TEST


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.open(encoding="utf-8")]


def held_out_of(groups: list[str], salt: str) -> frozenset[str]:
    """Two in five of a few groups: by hash alone they may fall unevenly."""
    order = sorted(set(groups), key=lambda group: hashlib.sha256(f"{salt}:{group}".encode()).hexdigest())
    return frozenset(order[: round(len(order) * TEST / 1000)])


def refusals() -> list[Row]:
    """Our own answers, split by subject: two in five of the subjects of each label."""
    rows = lines(OWN / "refusals.jsonl")
    out = {label: held_out_of([row["group"] for row in rows if row["label"] == label], "refusal") for label in (0, 1)}
    found: list[Row] = []
    for row in rows:
        group = f"{row['label']}:{row['group']}"
        place = "en" if row["language"] == "en" else "other"
        found.append(
            Row(
                text=row["text"], label=bool(row["label"]), group=group, kind=place,
                held_out=row["group"] in out[row["label"]],
            )
        )  # fmt: skip
    return found


def own_toxicity() -> list[Row]:
    """Our own sentences, split by subject: two in five of the subjects of each label."""
    rows = lines(OWN / "toxicity.jsonl")
    out = {label: held_out_of([row["group"] for row in rows if row["label"] == label], "toxicity") for label in (0, 1)}
    return [
        Row(text=row["text"], label=bool(row["label"]), group=f"own:{row['label']}:{row['group']}", kind="own",
            held_out=row["group"] in out[row["label"]])
        for row in rows
    ]  # fmt: skip


def hatecheck(data: Path) -> list[Row]:
    """Split by template together with the template it is a contrast to."""
    rows = lines(data / "toxicity-hatecheck" / "data.jsonl")
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for row in rows:
        if row["ref_templ_id"]:
            parent[root(row["templ_id"])] = root(row["ref_templ_id"])
    return [
        Row(
            text=row["test_case"].strip(),
            label=row["label_gold"] == "hateful",
            group=f"hatecheck:{root(row['templ_id'])}",
            kind=row["functionality"],
            held_out=held_out(root(row["templ_id"]), "hatecheck"),
        )
        for row in rows
    ]


def answers(data: Path) -> list[dict[str, Any]]:
    """Pairs of answers with what people preferred, split by the question."""
    rows = lines(data / "judge-mtbench-faireval-llmeval2" / "data.jsonl")
    return [{**row, "held_out": held_out(row["input"], "answers")} for row in rows]


def halueval(data: Path) -> list[Row]:
    """Answers to questions on a passage, split by passage. ``label``: the passage supports it."""
    rows = lines(data / "hallucination-halueval-qa" / "data.jsonl")
    return [
        Row(
            text=row["answer"], label=row["label"] == "faithful", group=row["knowledge"], kind="halueval",
            question=row["question"], context=row["knowledge"], held_out=held_out(row["knowledge"], "halueval"),
        )
        for row in rows
    ]  # fmt: skip


def claims() -> list[Row]:
    """Our own paraphrases of short texts, true to them and not, split by text."""
    rows = lines(OWN / "claims.jsonl")
    out = held_out_of([row["group"] for row in rows], "claims")
    return [
        Row(text=row["text"], label=bool(row["label"]), group=row["group"], kind="own", context=row["context"],
            held_out=row["group"] in out)
        for row in rows
    ]  # fmt: skip


def constructed(rows: list[Row]) -> list[Row]:
    """Whole sentences about the same passages, made without a model, so that length tells nothing: as they stand;
    shortened; with a name or number of another passage; with the negation turned; of another passage."""
    draw = random.Random(20261121)
    passages = list({row.context: row for row in rows}.values())
    found: list[Row] = []
    for row in passages:
        other = draw.choice([each for each in passages if each.held_out == row.held_out and each is not row])
        own, foreign = sentences(row.context), sentences(other.context)
        told = draw.choice(own)
        made = [(told, True, "as it stands"), (_shortened(told), True, "shortened")]
        if (swapped := _swapped(told, other.context, row.context, draw)) != told:
            made.append((swapped, False, "name or number changed"))
        if (turned := _turned(told)) != told:
            made.append((turned, False, "negation turned"))
        made.append((draw.choice(foreign), False, "of another passage"))
        found += [
            Row(text=text, label=label, group=row.group, kind=kind, question="", context=row.context,
                held_out=row.held_out)
            for text, label, kind in made
        ]  # fmt: skip
    return found


def _shortened(sentence: str) -> str:
    """Without its brackets, and up to a comma: what remains is still said."""
    bare = re.sub(r"\s*\([^)]*\)", "", sentence)
    head = bare.split(",", 1)[0]
    return head.rstrip(".") + "." if len(head.split()) >= 4 else bare


def _swapped(sentence: str, other: str, context: str, draw: random.Random) -> str:
    years = re.findall(r"\b\d{2,4}\b", sentence)
    if years:
        old = draw.choice(years)
        new = str(int(old) + draw.choice((1, 3, 7, 12)))
        if new not in context:
            return sentence.replace(old, new)
    there = [name for name in re.findall(r"\b[A-Z][a-zé]{3,}\b", sentence) if name.casefold() in names(sentence)]
    instead = [name for name in re.findall(r"\b[A-Z][a-zé]{3,}\b", other) if name.casefold() not in context.casefold()]
    if there and instead:
        return sentence.replace(draw.choice(there), draw.choice(instead))
    return sentence


def _turned(sentence: str) -> str:
    if is_negated(sentence):
        return re.sub(r"\b(?:not|never) ", "", sentence, count=1)
    return re.sub(r"\b(is|was|are|were)\b", r"\1 not", sentence, count=1)
