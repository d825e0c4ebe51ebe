"""Ids: their format, their order, and that they do not repeat."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.ids import new_id, new_span_id, new_trace_id, uuid7_hex


@given(st.integers(min_value=0, max_value=(1 << 48) * 1_000_000 - 1))
def test_an_id_is_a_uuid_of_version_7_that_tells_its_millisecond(now_ns: int) -> None:
    made = uuid.UUID(uuid7_hex(now_ns))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now_ns // 1_000_000


def test_later_ids_sort_later() -> None:
    made = [uuid7_hex(ms * 1_000_000) for ms in range(1_700_000_000_000, 1_700_000_000_200)]
    assert made == sorted(made)


def test_ids_do_not_repeat_and_use_all_their_random_bits() -> None:
    made = {uuid7_hex(0) for _ in range(20_000)}
    assert len(made) == 20_000
    ors = ands = int(next(iter(made)), 16)
    for one in made:
        ors |= int(one, 16)
        ands &= int(one, 16)
    assert bin(ors ^ ands).count("1") == 74


def test_trace_and_span_ids_have_the_lengths_of_trace_context() -> None:
    assert len(new_trace_id()) == 32
    assert len(new_span_id()) == 16
    assert new_id("key").startswith("key_")
