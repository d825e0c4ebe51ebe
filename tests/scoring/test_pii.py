"""Personal data: found by checksum, and not found where the checksum is wrong."""

import re
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.scoring import pii
from trimtab.scoring.looking import Glance, matches_in

# Examples of the authorities' and standards' own documents, or numbers made for tests.
GENUINE = [
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("fr_nir", "2 55 08 14 168 025 38"),
    ("es_dni", "12345678Z"),
    ("es_dni", "X1234567L"),
    ("it_codice_fiscale", "RSSMRA85T10A562S"),
    ("br_cpf", "529.982.247-25"),
    ("se_personnummer", "811218-9876"),
    ("fi_hetu", "131052-308T"),
]
NEAR = [
    ("uk_nhs", "NHS number ", "943 476 5919"),
    ("de_tax_id", "Steuer-ID ", "65 929 970 489"),
    ("nl_bsn", "BSN ", "111222333"),
    ("pl_pesel", "PESEL ", "44051401359"),
    ("in_aadhaar", "Aadhaar ", "2341 2341 2346"),
]


def kinds(text: str) -> list[str]:
    return [each.kind for each in pii.find(text)]


def _spoilt(text: str) -> str:
    """The same with its last but one figure another."""
    at = [place for place, mark in enumerate(text) if mark.isdecimal()][-2]
    return f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"


@pytest.mark.parametrize(("kind", "text"), GENUINE)
def test_a_number_with_a_checksum_is_found_and_a_wrong_one_is_not(kind: str, text: str) -> None:
    assert kinds(f"It is {text}, as you know.") == [kind]
    assert kind not in kinds(f"It is {_spoilt(text)}, as you know.")


@pytest.mark.parametrize(("kind", "word", "text"), NEAR)
def test_a_number_that_looks_like_any_other_is_found_after_its_name_only(kind: str, word: str, text: str) -> None:
    assert kinds(f"{word}{text}.") == [kind]
    assert kind not in kinds(f"{word}{_spoilt(text)}.")
    assert kind not in kinds(f"Order {text}.")


def test_shapes_are_found_with_their_place() -> None:
    text = "Write to ada.lovelace+x@mail.example.com, or call +49 30 1234567 (Tel: 030 7654321) or (415) 555-2671."
    found = pii.find(text)
    assert [each.kind for each in found] == ["email", "phone", "phone", "phone"]
    assert [text[each.start : each.end] for each in found] == [each.text for each in found]
    assert found[0].text == "ada.lovelace+x@mail.example.com"
    assert found[2].text == "030 7654321"
    assert "lovelace" not in found[0].masked()
    assert kinds("from 8.8.8.8 and 2001:4860:4860::8888") == ["ip", "ip"]


@pytest.mark.parametrize(
    "text",
    [
        "Order 123456789 of 2024-05-01 10:20:30",
        "version 1.2.3.4.5, on 127.0.0.1 and 192.168.0.1",
        "0000 0000 0000 0000",
        "pi is 3.14159265358979",
        "000-12-3456 and 666-12-3456",
        "@home and a@b and x@localhost",
        "The sum is 1,234,567,890.",
    ],
)
def test_what_is_no_personal_data_is_left_alone(text: str) -> None:
    assert kinds(text) == []


def test_the_same_datum_written_otherwise_is_the_same() -> None:
    (one,), (other,) = pii.find("4111-1111-1111-1111"), pii.find("4111 1111 1111 1111")
    assert one.canonical == other.canonical


def test_only_the_kinds_asked_for_are_looked_for() -> None:
    text = "ada@example.com 4111 1111 1111 1111"
    assert [each.kind for each in pii.find(text, ["card"])] == ["card"]
    assert {kind.name for kind in pii.KINDS} == set(pii.NAMES)


DATA = Path(__file__).parents[3] / "shared/data/pii-presidio-synth/generated_large_part.jsonl"
SHAPES = {"EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "IBAN": "iban", "IBAN_CODE": "iban"}


@pytest.mark.skipif(not DATA.is_file(), reason="the data set is not here")
def test_addresses_cards_and_accounts_of_a_made_data_set_are_found_and_nothing_else() -> None:
    """Presidio's synthetic sentences, whose cards have a right checksum. The figures are in docs/scorers.md."""
    there = 0
    for line in DATA.read_bytes().splitlines()[:400]:
        sentence = msgspec.json.decode(line)
        wanted = sorted((each["start_position"], SHAPES[each["entity_type"]]) for each in sentence["spans"]
                        if each["entity_type"] in SHAPES)  # fmt: skip
        found = [(each.start, each.kind) for each in pii.find(sentence["full_text"], SHAPES.values())]
        assert found == wanted, sentence["full_text"]
        there += len(wanted)
    assert there > 20


FIGURES = st.lists(
    st.sampled_from(
        ["4111 1111 1111 1111", "378282246310005", "078-05-1120", "AB 12 34 56 C", "1 85 05 2A 123 456 47", "X1234567L",
         "131052-308T", "85.73.500-190", "1.1.1.1", "2001:db8::1:2:3", "+49 (0) 30 / 901820", "(415) 555-2671 x12",
         "030 901820", "811228-9874", "12", "2024", "a", " ", ".", "-", "tel ", "nhs ", "tax ", "bsn "]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(
    text=FIGURES | st.text(alphabet="0123456789 .-/()+:ABab@", max_size=60) | st.text(alphabet="٣१12 -.A@", max_size=60)
)
@settings(max_examples=200)
def test_what_is_spared_for_a_lack_of_figures_would_have_been_nothing(text: str) -> None:
    text = f"{'x ' * 90}{text}{' x' * 90}"
    seen = Glance(text)
    for kind in pii.KINDS:
        everywhere = [match.span() for match in kind.pattern.finditer(text) if kind.valid(_given(kind.name, match[0]))]
        looked = matches_in(kind.pattern, text, kind.where(seen))
        assert everywhere == [match.span() for match in looked if kind.valid(_given(kind.name, match[0]))] or (
            kind.hints and not seen.has(kind.hints)
        ), kind.name


def _given(kind: str, text: str) -> str:
    return text if kind in ("email", "ip", "phone") else re.sub(r"[\W_]", "", text).upper()


@pytest.mark.parametrize("piece", ["12/", "1 ", "a@", "AB12 ", ":a"])
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """A million characters of what patterns begin with, again and again: seconds, even on a busy machine."""
    began = time.process_time()
    pii.find(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 20
