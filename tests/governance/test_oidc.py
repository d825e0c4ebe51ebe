"""ID tokens that are forged in each way, judged against a provider's keys. A real provider is asked in
`tests/server/test_oidc.py`."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from trimtab.core.errors import InvalidRequest, TrimtabError, Unauthenticated, Unavailable
from trimtab.governance import oidc
from trimtab.governance.oidc import Metadata
from trimtab.governance.sign_in_store import GroupRole, ProviderRow, Terms

NOW = 1_750_000_000
ISSUER = "https://idp.example.com"
METADATA = Metadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/auth",
    token_endpoint=f"{ISSUER}/token",
    jwks_uri=f"{ISSUER}/keys",
    id_token_signing_alg_values_supported=("RS256", "ES256", "none", "HS256"),
)
ROW = ProviderRow(
    name="idp", issuer=ISSUER, client_id="us", sealed=None, terms=Terms(), enabled=True, created=0, updated=0
)
OWN = jwk.ECKey.generate_key("P-256", {"kid": "own", "use": "sig"})
OTHER = jwk.ECKey.generate_key("P-256", {"kid": "own", "use": "sig"})
KEYS = {"keys": [OWN.as_dict(private=False)]}
GOOD: dict[str, Any] = {"iss": ISSUER, "sub": "ada", "aud": "us", "exp": NOW + 300, "iat": NOW - 5, "nonce": "n"}


def token(claims: dict[str, Any], key: Any = OWN, **header: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": "own", **header}, claims, key, algorithms=["ES256", "HS256"])


def confused(claims: dict[str, Any]) -> str:
    """Signed by HMAC with what everybody knows: the provider's public key. By hand, for the library refuses to."""
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256", "kid": "own"}, claims)]
    said = b".".join(base64.urlsafe_b64encode(each).rstrip(b"=") for each in parts)
    mac = hmac.new(OWN.as_pem(private=False), said, hashlib.sha256).digest()
    return f"{said.decode()}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def code_of(shown: str, keys: dict[str, Any] = KEYS) -> str:
    try:
        oidc.verify(shown, keys, METADATA, ROW, "n", NOW)
    except Unauthenticated as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, ""),
        ({"aud": ["us"]}, ""),
        ({"aud": ["us", "them"], "azp": "us"}, ""),
        ({"exp": NOW - 30}, ""),  # within the skew
        ({"iat": NOW + 30}, ""),
        ({"iss": f"{ISSUER}/"}, "oidc_issuer"),
        ({"iss": None}, "oidc_issuer"),
        ({"aud": "them"}, "oidc_audience"),
        ({"aud": None}, "oidc_audience"),
        ({"aud": ["us", "them"]}, "oidc_audience"),
        ({"azp": "them"}, "oidc_audience"),
        ({"nonce": "m"}, "oidc_nonce"),
        ({"nonce": None}, "oidc_nonce"),
        ({"exp": NOW - 61}, "oidc_expired"),
        ({"iat": NOW - 700}, "oidc_expired"),
        ({"iat": NOW + 90}, "oidc_times"),
        ({"nbf": NOW + 90}, "oidc_times"),
        ({"exp": None}, "oidc_times"),
        ({"exp": True}, "oidc_times"),
        ({"exp": "soon"}, "oidc_times"),
        ({"sub": ""}, "oidc_subject"),
        ({"sub": 7}, "oidc_subject"),
        ({"sub": "x" * 256}, "oidc_subject"),
    ],
)
def test_each_claim_is_judged(changed: dict[str, Any], code: str) -> None:
    assert code_of(token({name: value for name, value in {**GOOD, **changed}.items() if value is not None})) == code


def test_a_signature_of_another_key_of_none_or_of_the_published_key_as_a_secret_is_refused() -> None:
    assert code_of(token(GOOD, OTHER)) == "oidc_signature"
    assert code_of(token(GOOD, kid="new")) == "oidc_unknown_key"
    assert code_of(confused(GOOD)) == "oidc_signature"
    header, payload, _ = token(GOOD).split(".")
    assert code_of(f"{header}.{payload}.") == "oidc_signature"
    secret = {"keys": [{**jwk.OctKey.generate_key(256, {"kid": "own"}).as_dict(), "use": "sig"}]}
    assert code_of(token(GOOD), secret) in ("oidc_signature", "oidc_unknown_key")
    assert code_of(token(GOOD), {"keys": [{**KEYS["keys"][0], "use": "enc"}]}) in ("oidc_signature", "oidc_unknown_key")


@given(st.text(max_size=200))
def test_whatever_is_shown_as_a_token_is_refused_and_no_defect(text: str) -> None:
    assert code_of(text).startswith("oidc_")


@given(st.binary(max_size=300))
def test_whatever_a_provider_says_of_itself_is_judged_and_no_defect(raw: bytes) -> None:
    with pytest.raises(Unavailable):
        oidc.read_metadata(raw, ISSUER)


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.com",
        "ftp://x",
        "https://",
        "https://u@x.com",
        "https://x.com/#f",
        "http://127.0.0.1.evil",
        "",
    ],
)
def test_codes_and_tokens_travel_by_tls_or_not_at_all(url: str) -> None:
    with pytest.raises(InvalidRequest):
        oidc.check_address(url, "The issuer")


def test_nonce_and_verifier_follow_from_the_browsers_secret_alone() -> None:
    one, same, other = oidc.asked("a"), oidc.asked("a"), oidc.asked("b")
    assert (one.nonce, one.verifier) == (same.nonce, same.verifier)
    assert len({one.nonce, one.verifier, other.nonce, other.verifier}) == 4
    assert oidc.challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    )


@pytest.mark.parametrize(
    ("claims", "where", "groups"),
    [
        ({"groups": ["a", "b", 3]}, "groups", ("a", "b")),
        ({"groups": "a"}, "groups", ("a",)),
        ({"realm_access": {"roles": ["r"]}}, "realm_access.roles", ("r",)),
        ({"https://x.com/groups": ["g"]}, "https://x.com/groups", ("g",)),
        ({"groups": {"a": 1}}, "groups", ()),
        ({}, "a.b.c", ()),
    ],
)
def test_groups_are_read_where_a_provider_keeps_them(
    claims: dict[str, Any], where: str, groups: tuple[str, ...]
) -> None:
    terms = Terms(groups_claim=where, roles=(GroupRole(group="a", role="viewer"),))
    row = ProviderRow(
        name="idp", issuer=ISSUER, client_id="us", sealed=None, terms=terms, enabled=True, created=0, updated=0
    )
    assert oidc.claimed(row, METADATA, {"sub": "s", **claims}, {}).groups == groups


def test_an_address_counts_when_it_is_vouched_for_and_userinfo_must_be_of_the_same_subject() -> None:
    said = {"sub": "s", "email": "Ada@Example.com"}
    assert oidc.claimed(ROW, METADATA, said, {}).email == ""
    assert oidc.claimed(ROW, METADATA, {**said, "email_verified": True}, {}).email == "ada@example.com"
    assert oidc.claimed(ROW, METADATA, {**said, "email_verified": False}, {}).email == ""
    with pytest.raises(TrimtabError):
        oidc.claimed(ROW, METADATA, {"sub": "s"}, {"sub": "t", "email": "x@y.z", "email_verified": True})
