"""Credentials: by their shapes, and by how random a named value is."""

import random
import string

import pytest

from trimtab.scoring import secrets

MADE = random.Random(7)


def key(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(MADE.choice(letters) for _ in range(length))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
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
    ],
)
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
