"""Helicone's headers mean ours, and nothing at all without its key."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.kept.cache_key import directives
from trimtab.server.doors.helicone import translate

KEY = b"Bearer tt_ours"


def translated(**more: bytes) -> dict[bytes, bytes]:
    headers = {b"authorization": b"Bearer sk-provider", b"x-api-key": b"sk-provider", b"helicone-auth": KEY}
    headers |= {name.replace("_", "-").encode(): value for name, value in more.items()}
    translate(headers)
    return headers


def test_its_key_lets_in_and_the_providers_does_not() -> None:
    found = translated()
    assert found[b"authorization"] == KEY
    assert b"x-api-key" not in found


def test_user_session_and_properties_are_ours() -> None:
    found = translated(
        helicone_user_id=b"ada",
        helicone_session_id=b"s-1",
        helicone_session_name=b"chat",
        helicone_session_path=b"/a/b",
        helicone_property_plan="größer".encode(),
        helicone_request_id=b"r-1",
        helicone_prompt_id=b"greet",
    )
    assert (found[b"trimtab-user"], found[b"trimtab-session"]) == (b"ada", b"s-1")
    assert msgspec.json.decode(found[b"trimtab-metadata"]) == {
        "session_name": "chat",
        "session_path": "/a/b",
        "plan": "größer",
        "helicone_request_id": "r-1",
        "prompt_name": "greet",
    }


def test_what_the_client_says_in_our_words_stands() -> None:
    assert translated(helicone_user_id=b"theirs", trimtab_user=b"ours")[b"trimtab-user"] == b"ours"


@pytest.mark.parametrize(
    ("given", "cache"),
    [
        ({}, None),
        ({"helicone_cache_enabled": b"false"}, None),
        ({"helicone_cache_enabled": b"True"}, b"exact"),
        ({"helicone_cache_enabled": b"true", "cache_control": b"max-age=60"}, b"exact; ttl=60"),
        ({"helicone_cache_enabled": b"true", "helicone_cache_seed": b"u-1"}, b"exact; namespace=u-1"),
        ({"helicone_cache_enabled": b"true", "helicone_cache_seed": b"a; off"}, b"exact"),
    ],
)
def test_its_cache_is_asked_for_in_words_that_ours_knows(given: dict[str, bytes], cache: bytes | None) -> None:
    found = translated(**given).get(b"trimtab-cache")
    assert found == cache
    directives(found, None)


@given(st.dictionaries(st.binary(max_size=30), st.binary(max_size=30)))
def test_no_header_breaks_it(more: dict[bytes, bytes]) -> None:
    headers = {b"helicone-auth": KEY, **{b"helicone-property-" + name: value for name, value in more.items()}, **more}
    translate(headers)
    if b"trimtab-metadata" in headers and b"trimtab-metadata" not in more:
        assert msgspec.json.decode(headers[b"trimtab-metadata"], type=dict[str, str])
