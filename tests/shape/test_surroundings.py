"""What the tests have around them: one certificate authority, which nobody has the key of."""

import ssl
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import install_clients  # noqa: E402


def test_tests_know_one_authority_and_it_is_of_nobody() -> None:
    context = ssl.create_default_context()
    [authority] = context.get_ca_certs()
    assert authority["subject"] == ((("commonName", "Nobody, for the tests"),),)


def test_so_do_clients_that_heed_no_variable() -> None:
    [authority] = httpx.create_ssl_context(trust_env=False).get_ca_certs()
    assert authority["subject"] == ((("commonName", "Nobody, for the tests"),),)


def test_what_is_installed_has_the_authorities_that_were_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ROOT / "tests" / "no_authority.pem"))
    monkeypatch.setenv("GIVEN_SSL_CERT_FILE", "/of/the/house.pem")
    assert install_clients.surroundings()["SSL_CERT_FILE"] == "/of/the/house.pem"
    monkeypatch.setenv("GIVEN_SSL_CERT_FILE", "")
    assert "SSL_CERT_FILE" not in install_clients.surroundings()
    monkeypatch.setenv("SSL_CERT_FILE", "/somebodys.pem")
    assert install_clients.surroundings()["SSL_CERT_FILE"] == "/somebodys.pem"
