import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.guard.guards.test_rules import look

from trimtab.core.errors import InvalidRequest
from trimtab.guard.detect import personal
from trimtab.guard.guards.pii import PLUG, Options
from trimtab.guard.run import without
from trimtab.guard.standing_in import StandIns
from trimtab.guard.types import CannotTell, Look, Piece, Subject, Tools

TOOLS = Tools(pseudonym=lambda kind, text: f"{kind}_{hashlib.sha256(f'{kind}:{text}'.encode()).hexdigest()}")


def kinds(text: str, **options: Any) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in look("pii", text, "input", options).findings]


def tokenised(*texts: str) -> tuple[list[str], dict[str, str]]:
    """The texts with stand-ins, and what each stands for."""
    ready = PLUG.made(Options(mode="tokenise"))
    subject = Subject(pieces=tuple(Piece(stage="input", text=text) for text in texts))
    found = PLUG.look(subject, ready, TOOLS)
    assert isinstance(found, Look)
    known = {str(each.instead): texts[each.piece][each.start : each.end] for each in found.findings}
    out = [without(text, [each for each in found.findings if each.piece == at]) for at, text in enumerate(texts)]
    return out, known


@pytest.mark.parametrize(
    ("text", "kind", "datum"),
    [
        ("Write to ann@example.org today", "email", "ann@example.org"),
        ("card 4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
        ("AHV 756.9217.0769.85", "ch_ahv", "756.9217.0769.85"),
        ("my SIN is 130 692 544", "ca_sin", "130 692 544"),
        ("routing number 021000021", "us_routing", "021000021"),
        ("pay to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("MAC 00:1B:44:11:3A:B7", "mac", "00:1B:44:11:3A:B7"),
        ("she was born on 3 May 1980", "date_of_birth", "3 May 1980"),
        ("I live at 221B Baker Street", "address", "221B Baker Street"),
        ("wohnt Hauptstraße 12 hier", "address", "Hauptstraße 12"),
        ("call me on 655 437 108", "phone", "655 437 108"),
        ("555-12 34 (mobile)", "phone", "555-12 34"),
        ("Mrs. Ada de la Cruz said", "name", "Ada de la Cruz"),
        ("my name is Jo Smith.", "name", "Jo Smith"),
    ],
)
def test_a_datum_is_found_where_it_stands(text: str, kind: str, datum: str):
    assert (kind, datum) in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "order number 655 437 108", "AHV 756.9217.0769.84", "routing number 021000022", "the meeting of 3 May 1980",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "my name is not important", "version 10.2.33.41 beta", "I'm Sorry",
        "we sold 12 345 678 pieces in 2019",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_left(text: str):
    assert kinds(text) == []


def test_packs_and_kinds_choose_what_is_looked_for():
    text = "AB 12 34 56 C and 756.9217.0769.85 and ann@example.org"
    assert {kind for kind, _ in kinds(text, locales=["ch"])} == {"ch_ahv", "email"}
    assert {kind for kind, _ in kinds(text, kinds=["email"])} == {"email"}
    assert "email" not in {kind for kind, _ in kinds(text, except_kinds=["email"])}
    for wrong in (
        {"kinds": ["shoe"]},
        {"locales": ["xx"]},
        {"kinds": ["location"]},
        {"kinds": ["email"], "except_kinds": ["email"]},
    ):
        with pytest.raises(InvalidRequest):
            PLUG.made(msgspec.convert(wrong, Options))


def test_every_kind_belongs_to_a_pack_or_to_all():
    assert len(set(personal.KINDS)) == len(personal.KINDS)


def test_the_same_datum_gets_the_same_token_and_comes_back():
    texts, known = tokenised("Mail ann@example.org or ANN@example.org", "again ann@example.org, not bo@example.org")
    assert len(known) == 2
    assert texts[0].split()[1] == texts[0].split()[3]
    assert "ann@" not in "".join(texts).lower()
    answer = f"I wrote to {texts[0].split()[1].lower()}."
    assert StandIns(known).restored(answer).lower() == "i wrote to ann@example.org."


def test_a_hash_is_not_undone():
    ready = PLUG.made(Options(mode="hash"))
    found = PLUG.look(Subject(pieces=(Piece(stage="input", text="ann@example.org"),)), ready, TOOLS)
    assert isinstance(found, Look)
    assert not found.findings[0].restore
    assert str(found.findings[0].instead).startswith("[EMAIL#")


def test_without_a_key_there_are_no_stand_ins():
    ready = PLUG.made(Options(mode="tokenise"))
    assert isinstance(PLUG.look(Subject(pieces=(Piece(stage="input", text="a@b.co"),)), ready, Tools()), CannotTell)


def test_reasons_quote_nothing():
    assert "example" not in look("pii", "ann@example.org", "input").reason


def span(start: int, size: int, score: float) -> personal.Seen:
    return personal.Seen(start, start + size, "name", score)


SPANS = st.builds(span, st.integers(0, 40), st.integers(1, 12), st.sampled_from([0.5, 0.9, 1.0]))


@given(st.lists(SPANS, max_size=30))
def test_of_findings_that_overlap_the_surer_stays_then_the_longer(found: list[personal.Seen]):
    kept: list[personal.Seen] = []
    for each in sorted(found, key=lambda seen: (-seen.score, seen.start - seen.end, seen.start)):
        if all(each.end <= other.start or each.start >= other.end for other in kept):
            kept.append(each)
    assert personal.apart(found) == sorted(kept)
