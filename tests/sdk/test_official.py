import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.sdk import anthropic_options, call_headers, openai_options
from trimtab.sdk.connection import management_key, server_url

printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=256)


def test_only_what_was_given_becomes_a_header() -> None:
    assert call_headers() == {}
    assert call_headers(session="s", tags=["a", "b"]) == {"trimtab-session": "s", "trimtab-tags": "a,b"}


@given(printable, st.lists(printable.filter(lambda tag: "," not in tag), max_size=5))
def test_what_can_be_printed_travels_unchanged(value: str, tags: list[str]) -> None:
    headers = call_headers(user=value, tags=tags)
    assert headers["trimtab-user"] == value
    assert [tag for tag in headers.get("trimtab-tags", "").split(",") if tag] == tags


@pytest.mark.parametrize("value", ["two\r\nlines", "é", "x" * 257, "\x00"])
def test_what_a_header_cannot_carry_is_refused_and_not_cut(value: str) -> None:
    with pytest.raises(InvalidRequest):
        call_headers(session=value)


def test_a_tag_with_a_comma_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="comma"):
        call_headers(tags=["a,b"])


def test_openai_gets_v1_and_anthropic_does_not_because_it_adds_its_own() -> None:
    environ = {"TRIMTAB_URL": "http://trimtab:4600/", "TRIMTAB_API_KEY": "tt_k"}
    assert openai_options(environ=environ) == {"base_url": "http://trimtab:4600/v1", "api_key": "tt_k"}
    assert anthropic_options(environ=environ) == {"base_url": "http://trimtab:4600", "api_key": "tt_k"}


def test_without_a_key_the_options_say_how_to_get_one() -> None:
    with pytest.raises(InvalidRequest) as refused:
        openai_options(environ={})
    assert "trimtab keys create" in refused.value.fix


@pytest.mark.parametrize("url", ["trimtab:4600", "ftp://x", "http://", "nonsense"])
def test_what_is_not_an_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        server_url(url, {})


def test_an_address_given_with_v1_means_the_server() -> None:
    assert server_url("http://h:1/v1/", {}) == "http://h:1"


def test_for_management_the_admin_key_comes_first_and_for_calls_the_api_key() -> None:
    environ = {"TRIMTAB_ADMIN_KEY": "tt_admin", "TRIMTAB_API_KEY": "tt_app"}
    assert management_key(None, environ) == "tt_admin"
    assert management_key(None, {"TRIMTAB_ADMIN_KEY": "\n", "TRIMTAB_API_KEY": "tt_app\n"}) == "tt_app"
    assert openai_options(environ=environ)["api_key"] == "tt_app"
