"""Multipart bodies: parts as they were, and whatever is no such body is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.server.doors.multipart import boundary_of, parts_of

contents = st.binary(max_size=40).filter(lambda content: b"\r\n--xyz" not in content)


def written(*parts: tuple[str, bytes]) -> bytes:
    body = b""
    for name, content in parts:
        head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: application/json; length=3'
        body += head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + b"--xyz--\r\n"


@given(st.lists(st.tuples(st.text("abc.-", min_size=1, max_size=8), contents), max_size=5))
def test_every_part_comes_out_as_it_went_in(parts: list[tuple[str, bytes]]) -> None:
    found = parts_of(b"a preamble\r\n" + written(*parts), b"xyz")
    assert [(part.name, part.content, part.kind) for part in found] == [(*each, "application/json") for each in parts]


def test_the_boundary_is_in_the_content_type() -> None:
    assert boundary_of("multipart/form-data; boundary=xyz") == b"xyz"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="x y;z"') == b"x y;z"
    for kind in ("application/json", "multipart/form-data", "multipart/mixed; boundary=xyz", ""):
        with pytest.raises(InvalidRequest, match="boundary"):
            boundary_of(kind)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "boundary is not in it"),
        (b"--xyz", "no part"),
        (b"--xyz\r\nContent-Disposition: form-data", "cut off"),
        (b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1', "cut off"),
        (b"--xyz\r\nContent-Type: text/plain\r\n\r\n1\r\n--xyz--", "no name"),
        (b"--xyz\r\n" + b"a" * 9_000 + b"\r\n\r\n1\r\n--xyz--", "no headers, or too many"),
        (written(("a", b"1"))[:-4] + b"..", "no part"),
    ],
)
def test_what_is_no_such_body_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        parts_of(body, b"xyz")


def test_so_many_parts_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.server.doors.multipart.MOST_PARTS", 2)
    assert len(parts_of(written(("a", b"1"), ("b", b"2")), b"xyz")) == 2
    with pytest.raises(InvalidRequest, match="more than 2 parts"):
        parts_of(written(("a", b"1"), ("b", b"2"), ("c", b"3")), b"xyz")
