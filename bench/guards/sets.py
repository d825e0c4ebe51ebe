"""The sets that guards are trained and measured on, and how each is split: by group, before anything is tuned.

A group is a template, an attack text, a near-duplicate cluster or a context: all of it lies on one side. The sides are
``train`` (weights), ``tune`` (thresholds, choices) and ``test`` (figures, nothing else), by a fixed hash of the group.
"""

import hashlib
import itertools
import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct

OWN: Final = Path(__file__).parent
Side = Literal["train", "tune", "test"]
FILLED: Final = 12
"""Texts of one template."""
_CHOICE: Final = re.compile(r"\{([^{}]*\|[^{}]*)\}")


class Row(Struct, frozen=True, kw_only=True):
    """``text`` of ``source``; ``attack`` is what in it attacks (all of it, where empty and ``label``). ``place``:
    "prompt" (a user's own words) or "document" (what is found or given back)."""

    text: str
    label: bool
    source: str
    family: str
    group: str
    place: Literal["prompt", "document"]
    attack: str = ""
    side: Side = "train"


def side_of(group: str, test: int = 300, tune: int = 200) -> Side:
    """Per mille."""
    number = int(hashlib.sha256(f"guards:{group}".encode()).hexdigest()[:8], 16) % 1000
    return "test" if number < test else "tune" if number < test + tune else "train"


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.open(encoding="utf-8")]


# --- our own ---


def filled(template: str, most: int = FILLED) -> list[str]:
    """Up to ``most`` different texts of a template, always the same ones."""
    draw = random.Random(template)
    found: dict[str, None] = {}
    for _ in range(most * 4):
        text = template
        while match := _CHOICE.search(text):
            text = text[: match.start()] + draw.choice(match[1].split("|")) + text[match.end() :]
        found[text.replace("\\n", "\n")] = None
        if len(found) == most:
            break
    return list(found)


def own(file: str) -> Iterator[tuple[str, str, str]]:
    """``(head, family, template)``."""
    head = family = ""
    for line in (OWN / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            head, family = line[3:].split(" ", 1)
        elif line and not line.startswith("# "):
            yield head, family, line


def own_rows() -> list[Row]:
    """A third of each family's templates is for the test, a fifth for tuning, in an order by hash."""
    found: list[Row] = []
    for file, label in (("own_attacks.txt", True), ("own_benign.txt", False)):
        for (head, family), group in itertools.groupby(own(file), key=lambda each: each[:2]):
            for template, side in _dealt([each[2] for each in group]):
                texts = filled(template)
                place: Literal["prompt", "document"] = "document" if head in ("document", "indirect") else "prompt"
                found += [
                    Row(
                        text=text,
                        label=label,
                        source="own",
                        family=f"{head} {family}",
                        group=template,
                        place=place,
                        side=side,
                    )
                    for text in texts
                ]
    return found


def _dealt(templates: list[str]) -> list[tuple[str, Side]]:
    order = sorted(templates, key=lambda each: hashlib.sha256(each.encode()).hexdigest())
    test, tune = round(len(order) * 0.3), round(len(order) * 0.2)
    return [(each, "test" if at < test else "tune" if at < test + tune else "train") for at, each in enumerate(order)]


# --- public sets ---


def near_groups(texts: list[str], share: float = 0.5) -> list[str]:
    """A name for each text's cluster: texts with half of their runs of five words in common lie in one."""
    runs = [
        {tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4))}
        for words in (text.lower().split() for text in texts)
    ]
    where: dict[tuple[str, ...], list[int]] = {}
    parent = list(range(len(texts)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for place, each in enumerate(runs):
        shared: dict[int, int] = {}
        for run in each:
            for other in where.get(run, ()):
                shared[other] = shared.get(other, 0) + 1
            where.setdefault(run, []).append(place)
        for other, count in shared.items():
            if count >= share * min(len(each), len(runs[other])):
                parent[root(place)] = root(other)
    first: dict[int, int] = {}
    for place in range(len(texts)):  # named by its first text, whatever order its members met in
        first.setdefault(root(place), place)
    return [texts[first[root(place)]][:200] for place in range(len(texts))]


def clustered(data: Path, name: str, family: str, *, label: bool) -> list[Row]:
    texts = list(dict.fromkeys(row["text"] for row in lines(data / name / "data.jsonl")))
    return [
        Row(text=text, label=label, source=name, family=family, group=group, place="prompt", side=side_of(group))
        for text, group in zip(texts, near_groups(texts), strict=True)
    ]


def giskard(data: Path) -> list[Row]:
    """Templates with other words put in are one: the beginning tells them. Jailbreaks of it are in the wild, too."""
    found: list[Row] = []
    for row in lines(data / "injection-giskard" / "data.jsonl"):
        if row["group"] == "Jailbreak":
            continue
        found.append(
            Row(
                text=row["text"],
                label=True,
                source="injection-giskard",
                family="hijack",
                group=row["text"][:12].lower(),
                place="prompt",
                side="test",
            )
        )
    return found


def bipia(data: Path) -> list[Row]:
    """By attack category: three text and two code categories are for the test, two and two for tuning, with all
    contexts split apart, too. A row whose category and context lie on different sides is left out."""
    raw = lines(data / "injection-bipia-train" / "composed.jsonl")
    cats = sorted(
        {row["category"] for row in raw if row["category"]}, key=lambda each: hashlib.sha256(each.encode()).hexdigest()
    )
    code = {row["category"] for row in raw if row["task"] == "code" and row["category"]}
    sides: dict[str, Side] = {}
    for kind, test, tune in ((code, 3, 2), (set(cats) - code, 5, 3)):
        for at, name in enumerate([each for each in cats if each in kind]):
            sides[name] = "test" if at < test else "tune" if at < test + tune else "train"
    found: list[Row] = []
    clean = [row for row in raw if not row["label"]]
    for row in raw:
        text, attack = row["text"], row["attack"] or ""
        context = " ".join(text.replace(attack, " ").split()) if attack else " ".join(text.split())
        group = f"bipia {row['task']} {context[:200]}"
        side = side_of(group)
        if row["label"]:
            if sides[row["category"]] == "test":
                side = "test"  # an unseen attack, whatever its context
            elif side == "test" or sides[row["category"]] != side:
                side = "tune" if sides[row["category"]] == "tune" else "train" if side != "test" else "test"
                if side == "test":
                    continue  # a known attack in an unseen context tells less
        family = f"{'code' if row['category'] in code else 'text'} in {row['task']}" if row["label"] else row["task"]
        found.append(
            Row(text=text, label=bool(row["label"]), source="injection-bipia-train", family=family, group=group,
                place="document", attack=attack, side=side)
        )  # fmt: skip
    assert clean
    return found


def tool_attacks(data: Path) -> list[Row]:
    """Agent Security Bench: what an attacker's tool tells the agent to do, behind a result of our own."""
    results = [row.text for row in own_rows() if row.family == "document results" and not row.label]
    found: list[Row] = []
    for at, row in enumerate(lines(data / "agent-asb-tools" / "attack_tools.jsonl")):
        attack, role = row["Attacker Instruction"], row["Corresponding Agent"]
        side = side_of(f"asb {role} {row['Attacker Tool'][:6]}")
        aggressive = "aggressive" if row["Aggressive"] == "True" else "plain"
        found.append(
            Row(text=f"{results[at % len(results)]}\n{attack}", label=True, source="agent-asb-tools", family=aggressive,
group=f"asb {role}", place="document", attack=attack, side=side)
        )  # fmt: skip
    return found


def everyday(data: Path) -> list[Row]:
    """Harmless prompts and documents of sets that are about something else."""
    found: list[Row] = []

    def add(source: str, place: Literal["prompt", "document"], texts: Iterable[str], most: int) -> None:
        chosen = sorted(dict.fromkeys(texts), key=lambda each: hashlib.sha256(each.encode()).hexdigest())[:most]
        found.extend(
            Row(
                text=text,
                label=False,
                source=source,
                family="everyday",
                group=text[:80],
                place=place,
                side=side_of(text[:80]),
            )
            for text in chosen
        )

    add(
        "intent-banking77-train",
        "prompt",
        (row["text"] for row in lines(data / "intent-banking77-train" / "data.jsonl")),
        800,
    )
    add("qa-gsm8k-train", "prompt", (row["question"] for row in lines(data / "qa-gsm8k-train" / "data.jsonl")), 400)
    add(
        "routing-routellm-mmlu",
        "prompt",
        (row["prompt"] for row in lines(data / "routing-routellm-mmlu" / "data.jsonl")),
        600,
    )
    judged = lines(data / "judge-mtbench-faireval-llmeval2" / "data.jsonl")
    add("judge-mtbench", "prompt", (row["input"] for row in judged), 400)
    add("judge-mtbench", "document", (row["output_1"] for row in judged), 400)
    add(
        "hallucination-halueval-qa",
        "document",
        (row["knowledge"] for row in lines(data / "hallucination-halueval-qa" / "data.jsonl")),
        400,
    )
    return found


def all_rows(data: Path) -> list[Row]:
    return [
        *own_rows(),
        *clustered(data, "jailbreak-inthewild", "in the wild", label=True),
        *clustered(data, "benign-wildguard", "looks adversarial", label=False),
        *clustered(data, "benign-cyber-frr", "security", label=False),
        *giskard(data),
        *bipia(data),
        *tool_attacks(data),
        *everyday(data),
    ]
