"""A whole answer as a stream and back."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.fold import fold, unfold
from trimtab.llm.types import Reasoning, Refusal, Response, Text, ToolCall, Usage

PARTS = st.lists(
    st.builds(Text, st.text(max_size=700))
    | st.builds(ToolCall, st.text(max_size=5), st.text(max_size=5), st.text(max_size=40))
    | st.builds(Reasoning, text=st.text(max_size=40), signature=st.none() | st.text(max_size=5))
    | st.builds(Refusal, st.text(max_size=40)),
    max_size=4,
)


@given(PARTS, st.none() | st.builds(Usage, input=st.integers(0, 9), output=st.integers(0, 9)))
def test_a_stream_made_of_an_answer_folds_to_it(parts: list[Text], usage: Usage | None) -> None:
    answer = Response(id="r", model="m", parts=tuple(parts), stop="stop", stop_raw="end", usage=usage, created=7)
    assert fold(unfold(answer)) == answer
