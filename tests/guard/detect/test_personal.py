"""What spares looking for personal data spares nothing that is there."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.guard.detect import personal
from trimtab.scoring.looking import Glance

# what the patterns that are looked for at certain places alone are made of
PARTS = (
    "rue de la Paix 12", "via Roma 1", "Al. Jana 3", "place", "12 Main Street", "4a, N. Elm Ave.", "7 Lange Gasse 3",
    "Apt. 4", "A Ste. 12", "suite 7", "Springfield, IL 62704", "SW1A 1AA", "K1A 0B1", "my name is", "My Name: ",
    "name:", "call me", "I'M", "I am", "I'm", "je suis", "Mr.", "Señora ", "Prof", "Dear ", "Name : ", "\n", "Ann Lee",
    "Jan van der Berg", "Zoë", "lives in", "'s email", "a@b.org", "+49 30 901820", "0049 30 901820", "1/2/1990",
    "born", "Oct 3, 1990", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "aa:bb:cc:dd:ee:ff", "٣", "12", "x", ". ", "? ", ",",
    "(", "_", "é", "ſ", "İ", "ı", "ich heiße", "REGARDS, ", "mein name ist ", "al ", "ul",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS + (" ",) * 12), max_size=14).map("".join)


@given(text=TEXTS)
@settings(max_examples=300)
def test_cues_find_where_they_look_what_they_find_everywhere(text: str) -> None:
    seen = Glance(text)
    leads = [match.start() for match in personal._LEADS.finditer(seen.lowered)]  # pyright: ignore[reportPrivateUsage]
    houses = [match.start() for match in personal._HOUSE.finditer(text)]  # pyright: ignore[reportPrivateUsage]
    for cue in (*personal._ADDRESSES, *personal._NAMES):  # pyright: ignore[reportPrivateUsage]
        if not cue.hints or seen.has(cue.hints):
            spared = [match.span() for match in cue.matches(seen, houses, leads)]
            assert spared == [match.span() for match in cue.pattern.finditer(text)], cue.pattern.pattern


@given(text=TEXTS)
@settings(max_examples=200)
def test_rules_find_where_they_look_what_they_find_everywhere(text: str) -> None:
    text = f"{'x ' * 40}{text}{' x' * 40}"
    seen = Glance(text)
    for rule in personal._RULES:  # pyright: ignore[reportPrivateUsage]
        if seen.longest >= rule.figures and (not rule.hints or seen.has(rule.hints)):
            everywhere = [match.span() for match in rule.pattern.finditer(text) if told(rule, text, match.span())]
            assert [(each.start, each.end) for each in rule.find(seen)] == everywhere, rule.pattern.pattern


def told(rule: personal._Rule, text: str, span: tuple[int, int]) -> bool:  # pyright: ignore[reportPrivateUsage]
    before = text[max(0, span[0] - 60) : span[0]]
    return (
        (rule.near is None or bool(rule.near.search(before)))
        and (rule.unless is None or not rule.unless.search(before))
        and rule.valid(text[slice(*span)])
    )


@pytest.mark.parametrize("street", personal._STREETS)  # pyright: ignore[reportPrivateUsage]
def test_each_word_of_streets_leads_to_one(street: str) -> None:
    for text in (f"at {street} Roma 12", f"{street.upper()}. Roma 12"):
        assert [each.kind for each in personal.find(text, frozenset(["address"]))] == ["address"], text


@pytest.mark.parametrize(
    "words",
    ["my name is", "My full name's", "name:", "call me", "I am called", "named", "ich heiße", "Ich heisse",
     "mein Name ist", "je m'appelle", "mon nom est", "me llamo", "mi nombre es", "mi chiamo", "meu nome é", "me chamo",
     "ik heet", "mijn naam is", "jag heter", "jeg hedder", "nazywam się", "Signed,", "Sincerely,", "Regards,", "I'm",
     "I am", "ich bin", "Je suis", "soy", "sono", "ik ben", "Mr.", "Señora", "Fru", "Herr"],
)  # fmt: skip
def test_each_way_of_naming_leads_to_a_name(words: str) -> None:
    for text in (f"{words} Anna Berg", f"so ({words} Anna Berg"):
        assert [text[each.start : each.end] for each in personal.find(text, frozenset(["name"]))] == ["Anna Berg"], text


@pytest.mark.parametrize(
    "piece", ["12/", "00 1", "12 a ", "al ", "name: ", "\nName: A", "a, ny 1", "Aa van der ", "0x"]
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """A million characters of what patterns begin with, again and again: seconds, even on a busy machine."""
    began = time.process_time()
    personal.find(piece * (1_000_000 // len(piece)), frozenset(personal.KINDS))
    assert time.process_time() - began < 20


def test_kinds_are_looked_for_one_by_one_as_together() -> None:
    text = "Mr. Ann Lee, 12 Main Street, Springfield, IL 62704, born 1/2/1990, a@b.org, tel +49 30 901820"
    together = personal.find(text, frozenset(personal.KINDS))
    alone: Iterable[personal.Seen] = (
        each for kind in personal.KINDS for each in personal.find(text, frozenset([kind]))
    )
    assert set(together) <= set(alone)
    assert {each.kind for each in together} >= {"name", "address", "date_of_birth", "email", "phone"}
