import json

from hypothesis import given
from hypothesis import strategies as st

from trimtab.guard.standing_in import StandIns

KNOWN = StandIns({"[EMAIL_7k3fd2ab]": "ann@example.org", "[UK_NHS_9x]": 'the "nine"'})


def test_a_stand_in_is_undone_however_a_model_writes_it():
    for written in (
        "[EMAIL_7k3fd2ab]",
        "[email_7K3FD2AB]",
        "EMAIL_7k3fd2ab",
        r"\[EMAIL\_7k3fd2ab\]",
        "[ EMAIL_7k3fd2ab ]",
    ):
        assert KNOWN.restored(f"Write to {written}, please.") == "Write to ann@example.org, please."


def test_a_stand_in_of_nobody_stays():
    text = "[EMAIL_00000000] and EMAIL_7k3fd2abc and [7k3fd2ab]"
    assert KNOWN.restored(text) == text


def test_within_json_what_is_put_back_is_escaped():
    assert json.loads(KNOWN.restored_json('{"who": "[UK_NHS_9x]"}')) == {"who": 'the "nine"'}


PARTS = (
    "[EMAIL_7k3fd2ab]", "EMAIL_7k3fd2ab", "[EM", "[", "x ", r"\[UK\_NHS\_9x\]", "UK_NHS_9x", "é", "[UK_NHS_9x",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS)), st.lists(st.integers(1, 9), min_size=1))
def test_a_stream_is_restored_as_the_whole_text_is(parts: list[str], sizes: list[int]):
    text = " ".join(parts)
    stream, out, at, turn = KNOWN.stream(), "", 0, 0
    while at < len(text):
        out += stream.feed(text[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    assert out + stream.end() == KNOWN.restored(text)


def test_many_stand_ins_are_told_apart_by_no_more_than_a_look_each():
    """One pattern that named each of them took seconds for a thousand."""
    texts = {f"[EMAIL_{number:08x}]": f"a{number}@example.org" for number in range(20_000)}
    known = StandIns(texts)
    assert known.restored(" ".join(texts)) == " ".join(texts.values())
    stream = known.stream()
    out = "".join(map(stream.feed, ["[EMAIL_", "0000002a", "] [EMAIL_", "ffffffff]"])) + stream.end()
    assert out == "a42@example.org [EMAIL_ffffffff]"
