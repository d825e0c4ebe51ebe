import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sayings import pieces

from trimtab.core.errors import UpstreamFailure
from trimtab.llm import sse

ENDS = ["\n", "\r\n", "\r"]


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A stream of one kind of line end, and the data of its events."""
    end = draw(st.sampled_from(ENDS))
    data = draw(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6), max_size=5))
    wire = "".join(
        f"{draw(st.sampled_from(['', ': comment' + end, 'event: x' + end]))}data: {text}{end}{end}" for text in data
    )
    return wire.encode(), data


@settings(deadline=None)
@given(streams(), st.data())
def test_wherever_the_network_cuts_the_events_are_the_same(
    stream: tuple[bytes, list[str]], cuts: st.DataObject
) -> None:
    wire, data = stream
    splitter = sse.SSESplitter()
    blocks = [splitter.feed(piece) for piece in pieces(wire, cuts)]
    assert b"".join(blocks) + splitter.rest() == wire
    found = [text.decode() for block in blocks for text in sse.events(block)]
    assert found == data
    assert not splitter.rest().strip()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=8))
def test_any_bytes_pass_unchanged(chunks: list[bytes]) -> None:
    splitter = sse.SSESplitter()
    blocks = [splitter.feed(chunk) for chunk in chunks]
    assert b"".join(blocks) + splitter.rest() == b"".join(chunks)
    for block in blocks:
        assert b"".join(sse.split(block)) == block


def test_a_read_that_holds_whole_events_is_passed_on_as_it_is() -> None:
    chunk = b"data: 1\n\ndata: 2\n\n"
    assert sse.SSESplitter().feed(chunk) is chunk


def test_several_lines_of_data_are_joined_and_comments_have_none() -> None:
    assert list(sse.events(b": hello\n\ndata: a\ndata:b\ndata\n\nevent: x\n\n")) == [b"a\nb\n"]


def test_a_byte_order_mark_may_open_a_stream() -> None:
    assert list(sse.events(b"\xef\xbb\xbfdata: 1\n\n")) == [b"1"]


def test_an_event_without_an_end_is_refused_once_it_is_too_big() -> None:
    splitter = sse.SSESplitter(max_tail=100)
    assert splitter.feed(b"data: " + b"0" * 90) == b""
    with pytest.raises(UpstreamFailure, match="more than 100 bytes"):
        splitter.feed(b"0123456789")


def test_many_whole_events_are_not_too_big() -> None:
    assert len(sse.SSESplitter(max_tail=10).feed(b"data: 1\n\n" * 100)) == 900
