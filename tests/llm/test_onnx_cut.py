"""The embedder's graph without its table of words: what is left, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm import embedder
from trimtab.llm.onnx_cut import FOUND, without_table


def test_the_table_is_left_in_the_file_and_its_rows_become_an_input() -> None:
    _, model = embedder.verified(*embedder.WEIGHTS)
    cut = without_table(model, embedder.DIMENSION)
    low, high = cut.table
    assert high - low == 30_522 * embedder.DIMENSION
    assert len(cut.scales) == 30_522 * 4
    assert model[low:high] not in cut.graph
    assert len(cut.graph) < len(model) - (high - low)
    assert FOUND.encode() in cut.graph


@pytest.mark.parametrize("model", [b"", b"\x08\x0a\x12\x07pytorch", b"\x3a\x04\x0a\x02\x12\x00"])
def test_a_model_without_that_table_is_refused(model: bytes) -> None:
    with pytest.raises(ValueError, match="no table"):
        without_table(model, embedder.DIMENSION)


@pytest.mark.parametrize("model", [b"\x3a", b"\x3a\x7f", b"\x0b", b"\x3a\xff\xff"])
def test_what_is_no_whole_model_is_refused(model: bytes) -> None:
    with pytest.raises(ValueError, match="the model is"):
        without_table(model, embedder.DIMENSION)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_with_a_reason(model: bytes) -> None:
    with pytest.raises(ValueError, match=r"the model|codec"):
        without_table(model, embedder.DIMENSION)
