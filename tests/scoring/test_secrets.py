"""Credentials: by their shapes, and by how random a named value is."""

import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.scoring import secrets
from trimtab.scoring.looking import folded, matches_at, places

MADE = random.Random(7)


def key(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(MADE.choice(letters) for _ in range(length))


KEYS = [
    ("anthropic", f"sk-ant-api03-{key(80)}"),
    ("openai", f"sk-proj-{key(60)}"),
    ("google", f"AIza{key(35)}"),
    ("aws", f"AKIA{key(16, 'QWERTYUIOPLKJHGFDSAZXCVBNM234567')}"),
    ("github", f"ghp_{key(36)}"),
    ("slack", f"xoxb-{key(11, string.digits)}-{key(24)}"),
    ("stripe", f"sk_live_{key(24)}"),
    ("huggingface", f"hf_{key(34)}"),
    ("jwt", f"eyJ{key(20)}.eyJ{key(40)}.{key(43)}"),
    ("private_key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
    ("url_password", "postgres://app:s3cr7t@db.internal/app"),
    ("trimtab", f"tt_{key(40)}"),
    ("named", f'password = "{key(6)}7x{key(6)}"'),
    ("named", f"API_KEY: {key(10)}4b{key(10)}"),
    ("openrouter", f"sk-or-v1-{key(64, '0123456789abcdef')}"),
    ("google_oauth", f"GOCSPX-{key(28)}"),
    ("github", f"github_pat_{key(40)}"),
    ("gitlab", f"glpat-{key(20)}"),
    ("slack_webhook", f"https://hooks.slack.com/services/T{key(9)}/B{key(9)}/{key(24)}"),
    ("stripe", f"rk_test_{key(24)}"),
    ("stripe_webhook", f"whsec_{key(32)}"),
    ("twilio", f"SK{key(32, '0123456789abcdef')}"),
    ("sendgrid", f"SG.{key(22)}.{key(43)}"),
    ("replicate", f"r8_{key(37)}"),
    ("groq", f"gsk_{key(52)}"),
    ("xai", f"xai-{key(80)}"),
    ("perplexity", f"pplx-{key(48)}"),
    ("npm", f"npm_{key(36)}"),
    ("pypi", f"pypi-AgEIcHlwaS5vcmc{key(60)}"),
    ("digitalocean", f"dop_v1_{key(64, '0123456789abcdef')}"),
    ("shopify", f"shpat_{key(32, '0123456789abcdef')}"),
    ("telegram", f"{key(9, '123456789')}:AA{key(33)}"),
]


@pytest.mark.parametrize(("kind", "text"), KEYS)
def test_a_credential_is_found(kind: str, text: str) -> None:
    (found,) = secrets.find(f"Use this: {text} and go.")
    assert found.kind == kind
    assert found.text in text
    assert found.text not in found.masked()


@pytest.mark.parametrize(
    "text",
    [
        "password: changeme",
        "The token is required, and the secret: keep calm.",
        "api_key=YOUR_API_KEY_HERE_1",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx1",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "https://example.com:8080/path@home",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_is_none_is_left_alone(text: str) -> None:
    assert secrets.find(text) == []


def test_entropy_is_shannons() -> None:
    assert secrets.entropy("") == 0
    assert secrets.entropy("aaaa") == 0
    assert secrets.entropy("abcd") == 2


@given(
    st.lists(
        st.sampled_from([text for _, text in KEYS] + ["sk-", "gl", "://", "a:b@c", "x", "_", " ", "é", "password",
                         "PAſſwd", "api_key", "is", "=", ": ", "Tok3n9aB7x", '"', "auth-key", "https", "client",
                         "secret"]),
        max_size=8,
    ).map("".join)
)  # fmt: skip
@settings(max_examples=200)
def test_keys_are_looked_for_wherever_they_may_stand(text: str) -> None:
    for name, hints, pattern in secrets._SHAPES:  # pyright: ignore[reportPrivateUsage]
        at = places(text.encode("ascii", "replace"), hints)
        looked = secrets._matches(name, pattern, text, at)  # pyright: ignore[reportPrivateUsage]
        assert [match.span() for match in looked] == [match.span() for match in pattern.finditer(text)], name
    named = secrets._NAMED  # pyright: ignore[reportPrivateUsage]
    at = places(folded(text).encode("ascii", "replace"), secrets._NAMES)  # pyright: ignore[reportPrivateUsage]
    assert [match.span() for match in matches_at(named, text, at)] == [match.span() for match in named.finditer(text)]


@pytest.mark.parametrize("piece", ["sk-", "eyJa.", "a://b:c", "token is ", "gl", "-----BEGIN A ", "1:AA", "passw"])
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """A million characters of what keys begin with, again and again: seconds, even on a busy machine."""
    began = time.process_time()
    secrets.find(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 20


def test_every_shape_has_an_example() -> None:
    assert {kind for kind, _ in KEYS} == {name for name, _, _ in secrets._SHAPES} | {"named"}  # pyright: ignore[reportPrivateUsage]
