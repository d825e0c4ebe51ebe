"""JSON that is nearly right is read; what is wrong is told at its place in what was sent."""

import json
import time
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.telemetry.otlp.loose_json import MOST_DEEP, MOST_HOLDERS, MOST_RUNS, TOO_DEEP, TooMuch, decode

HALF, OTHER, FFFD = "\\ud83d", "\\ude00", "\ufffd"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (f'["{HALF}"]', [FFFD]),
        (f'["cut {HALF}", 1]', ["cut " + FFFD, 1]),
        (f'["{OTHER}{HALF}"]', [FFFD + FFFD]),
        (f'["{HALF}{OTHER}{HALF}"]', ["\U0001f600" + FFFD]),
        (f'["\\\\{HALF}", "{HALF}"]', ["\\" + FFFD, FFFD]),
        (f'["\\\\\\\\ud83d", "{HALF}"]', ["\\\\ud83d", FFFD]),
        (f'{{"{HALF}": "\\"NaN\\" {HALF}"}}', {FFFD: f'"NaN" {FFFD}'}),
        ('{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN"}', {"a": None, "b": [None, None], "c": "NaN"}),
        (
            '{"a": 1e999, "b": [-1E+400, 1.5e308, 1e-999], "c": "1e999"}',
            {"a": None, "b": [None, 1.5e308, 0.0], "c": "1e999"},
        ),
        (f"[1e999, {'9' * 400}, {'9' * 5_000}, {'9' * 400}.5, 0.{'9' * 400}]", [None, int("9" * 400), None, None, 1.0]),
    ],
)
def test_what_emitters_get_wrong_is_read(sent: str, read: Any) -> None:
    assert decode(sent.encode()) == read


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert decode(b'{"a": "\xff\xfe", "b": 1}') == {"a": FFFD + FFFD, "b": 1}


@pytest.mark.parametrize(
    "sent", [b"", b"{", b'["a" "b"]', b"nan", b'["\\x"]', b'{"a": NaNa}', b"\xff", b"[1e999, 01e5]", b"[1e999e1]"]
)
def test_what_is_no_json_is_refused(sent: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(sent)


@pytest.mark.parametrize("end", [b"", b"\\", b'\\"'])
def test_a_text_without_an_end_is_refused_after_one_look_at_it(end: bytes) -> None:
    """Were each of its quotes tried as the beginning of another text, this would not end within hours."""
    with pytest.raises(msgspec.DecodeError):
        decode(b'{"a": "' + b'\\"' * 1_000_000 + end)


@pytest.mark.parametrize(
    "digits",
    [
        b"9" * 1_000_000,
        b"1e" * 1_000_000,
        b"1." * 1_000_000,
        (b"9" * 299 + b"-") * 3_000,
        b"-" * 1_000_000,
        b"1-" * 1_000_000,
    ],
)
def test_a_number_without_an_end_is_looked_at_once(digits: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b"[1e999, " + digits + b",]")


@pytest.mark.parametrize("depth", [MOST_DEEP, 10_000])
def test_what_is_nested_too_deeply_costs_what_lies_so_deep_and_nothing_beside_it(depth: int) -> None:
    deep = b'{"]": [' * (depth // 2) + b'"[{\\""' + b"]}" * (depth // 2)
    read = decode(b'{"a": [1, ' + deep + b', 2, NaN], "b": "[", "c": ' + deep + b"}")
    assert (read["b"], read["a"][0], read["a"][2:]) == ("[", 1, [2, None])
    for value in (read["a"][1], read["c"]):
        while not isinstance(value, str):
            value = value["]" if type(value) is dict else 0]
        assert value == ('[{"' if depth == MOST_DEEP else TOO_DEEP)


@pytest.mark.parametrize(
    "sent", [b"[" * 1_000_000, b'{"a":' * 300_000, b"[" * 5_000 + b"]" * 4_000, b"[" * 2_000 + b'"']
)
def test_what_is_nested_too_deeply_and_never_ends_is_no_json(sent: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(sent)


@pytest.mark.parametrize(
    "beside",
    [b"[]," * 1_000_000, b'{"a":[' * 20 + b"]}" * 20 + b",", b'"' + b"x" * 3_000_000, b"\\" * 1_000_000],
)
def test_to_leave_out_what_is_nested_too_deeply_is_bounded(beside: bytes) -> None:
    """Python's part of it, at least: as many steps as `MOST_RUNS`, whatever is sent."""
    began = time.process_time()
    with pytest.raises(msgspec.DecodeError):
        decode(b"[" + b"[" * 5_000 + b"]" * 5_000 + b"," + beside)
    assert time.process_time() - began < 30


def test_what_is_larger_than_can_be_looked_through_is_told() -> None:
    body = b"[" + b"[" * 5_000 + b"]" * 5_000 + b",[]" * MOST_RUNS + b"]"
    with pytest.raises(msgspec.DecodeError, match="nested more than 500 deep, and too large"):
        decode(body)
    assert decode(body.replace(b",[]" * 300_000, b"", 1))[1] == []


@pytest.mark.parametrize("tiny", [b"[]", b"{}", b'{"":0}', b"[[[[]]]]"])
def test_a_body_that_would_take_many_times_its_size_in_memory_is_refused(tiny: bytes) -> None:
    with pytest.raises(msgspec.DecodeError, match="lists and objects"):
        decode(b"[" + b",".join([tiny] * (MOST_HOLDERS + 1)) + b"]")


@pytest.mark.parametrize("tiny", [b'"\xc3\xa9"', b"1", b'"":1', b'"\\""', b'""""'])
def test_a_body_of_very_many_values_is_refused(tiny: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.telemetry.otlp.loose_json.MOST_VALUES", 1_000)
    with pytest.raises(TooMuch, match="more than 1000 values"):
        decode(b"{" + b",".join([tiny] * 1_002) + b"}")


def test_what_separates_values_counts_in_texts_as_any_other_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.telemetry.otlp.loose_json.MOST_VALUES", 8)
    text = 'a, "b": ' * 1_000
    assert decode(json.dumps({"a": text, "b": [1, text]}).encode()) == {"a": text, "b": [1, text]}


@pytest.mark.parametrize("tiny", [b'"",', b"NaN,", b"1e5,", b'"\\n",', b'"\xff",', b'"\\ud800",'])
def test_to_mend_a_body_takes_a_few_times_its_size(tiny: bytes) -> None:
    """Of each text of two bytes, and of each escape, pieces were kept: 77 times the body."""
    body = b"[" + tiny * (400_000 // len(tiny)) + b'"\\ud83d" ~]'  # is no JSON even when it is mended
    tracemalloc.start()
    try:
        with pytest.raises(msgspec.DecodeError):
            decode(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * len(body)


def test_brackets_in_texts_are_no_lists() -> None:
    text = "[{" * MOST_HOLDERS
    assert decode(b'["%b", [], "\\"%b"]' % (text.encode(), text.encode())) == [text, [], f'"{text}']


def test_as_many_lists_as_people_write_are_read() -> None:
    values = b",".join([b'{"intValue":"1"}'] * (MOST_HOLDERS + 1))
    assert len(decode(b"[" + values + b"]")) == MOST_HOLDERS + 1


def test_a_mistake_is_told_at_its_place_in_what_was_sent() -> None:
    with pytest.raises(msgspec.DecodeError, match="byte 5"):
        decode(b'{"a":NaN ~, "b": "\\ud83d"}')


@given(st.recursive(st.one_of(st.floats(), st.text(st.characters())), lambda inner: st.lists(inner, max_size=4)))
def test_whatever_python_writes_can_be_read(value: Any) -> None:
    decode(json.dumps(value).encode())
    decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
