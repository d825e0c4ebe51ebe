"""OpenID Connect as a relying party: the parts that need no network.

Authorization code flow with PKCE: OpenID Connect Core 1.0 (sections 3.1 and 5), Discovery 1.0, RFC 7636, RFC 9207.
Signatures are verified by `joserfc`; what stands in the token is judged here, claim by claim.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, Unauthenticated, Unavailable
from trimtab.governance.sign_in_store import ProviderRow

SKEW_S: Final = 60
"""Seconds that a provider's clock may be off."""
LONGEST_AGE_S: Final = 600
"""An ID token that was issued longer ago than a sign-in may take is no answer to one."""
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signatures with a public key. Neither ``none`` nor HMAC: whoever knows a client's secret could sign with that."""
_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
_LONGEST_SUBJECT: Final = 255
_MOST_GROUPS: Final = 1000


class Metadata(Struct, frozen=True, kw_only=True):
    """What a provider says of itself (Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Asked(Struct, frozen=True, kw_only=True):
    """What belongs to one sign-in: ``nonce`` and ``verifier`` follow from the secret that only the browser has."""

    nonce: str
    verifier: str
    challenge: str

    def __repr__(self) -> str:
        return "Asked()"


class Claimed(Struct, frozen=True, kw_only=True):
    """Who a provider says somebody is. ``email`` is empty unless the provider vouches for it."""

    issuer: str
    subject: str
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()


def asked(browser: str) -> Asked:
    """The nonce and the PKCE verifier of a sign-in. They need not rest anywhere: who shows the browser's secret again
    can have them made again, and nobody else."""
    verifier = _derived(browser, "code_verifier")
    return Asked(nonce=_derived(browser, "nonce"), verifier=verifier, challenge=challenge_of(verifier))


def _derived(browser: str, what: str) -> str:
    return _text(hmac.new(browser.encode(), what.encode(), hashlib.sha256).digest())


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636, section 4.2."""
    return _text(hashlib.sha256(verifier.encode()).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def check_address(url: str, what: str) -> None:
    """Raises `InvalidRequest` for an address that codes and tokens must not travel to: they go by TLS, or to this very
    machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise InvalidRequest(
            f"{what} must be an https:// address, not {url[:200]!r}.",
            fix="Write the issuer as the provider's documentation does, e.g. https://login.example.com/realms/main.",
            param="issuer",
        )
    if not host or parts.username is not None or parts.fragment:
        raise InvalidRequest(f"{what} is no plain address: {url[:200]!r}.", fix="Leave user and fragment out.")


def read_metadata(raw: bytes, issuer: str) -> Metadata:
    """A provider's metadata. Raises `Unavailable` where it is not what it must be: of this very issuer (Discovery 1.0,
    section 4.3), and with addresses that may be used."""
    try:
        found = msgspec.json.decode(raw, type=Metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _unusable(f"its metadata cannot be read: {error}") from None
    if found.issuer != issuer:
        raise _unusable(f"it says that it is {found.issuer[:200]!r}, and not {issuer[:200]!r}")
    named = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
    for url in named:
        if url is not None:
            try:
                check_address(url, "an endpoint of the provider")
            except InvalidRequest as error:
                raise _unusable(error.message) from None
            if url.startswith("http://") and not issuer.startswith("http://"):
                raise _unusable(f"it sends from https to {url[:200]!r}")
    return found


def _unusable(why: str) -> Unavailable:
    return Unavailable(
        f"The identity provider cannot be used: {why}.",
        fix="Check the issuer: its address with '/.well-known/openid-configuration' behind it must answer.",
        code="oidc_metadata",
        retryable=False,
    )


def authorization_url(metadata: Metadata, row: ProviderRow, redirect_uri: str, state: str, made: Asked) -> str:
    """Where the browser is sent (Core 1.0, section 3.1.2.1)."""
    query = urlencode(
        {
            "response_type": "code",
            "client_id": row.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(row.terms.scopes),
            "state": state,
            "nonce": made.nonce,
            "code_challenge": made.challenge,
            "code_challenge_method": "S256",
        }
    )
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    return f"{metadata.authorization_endpoint}{joint}{query}"


def check_answer_issuer(metadata: Metadata, iss: str | None) -> None:
    """RFC 9207: an answer must be the asked provider's. Raises `Unauthenticated`."""
    if (iss is not None and iss != metadata.issuer) or (
        iss is None and metadata.authorization_response_iss_parameter_supported
    ):
        raise refusal("oidc_issuer", "The answer is of another identity provider than the one that was asked.")


def verify(
    id_token: str, keys: Mapping[str, Any], metadata: Metadata, row: ProviderRow, nonce: str, now_s: int
) -> dict[str, Any]:
    """The claims of an ID token that proves who signed in now, for us (Core 1.0, section 3.1.3.7). ``keys`` is the
    provider's JWK set. Raises `Unauthenticated` (``oidc_...``) for any other; ``oidc_unknown_key`` where the set has no
    such key, so that it may be fetched anew."""
    claims = _signed(id_token, keys, metadata)
    if claims.get("iss") != metadata.issuer:
        raise refusal("oidc_issuer", "The ID token is of another issuer.")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or row.client_id not in audiences:
        raise refusal("oidc_audience", "The ID token is for another client.")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != row.client_id:  # pyright: ignore[reportUnknownArgumentType]
        raise refusal("oidc_audience", "The ID token was given to another client.")
    _check_times(claims, now_s)
    shown = claims.get("nonce")
    if not isinstance(shown, str) or not hmac.compare_digest(shown.encode(), nonce.encode()):
        raise refusal("oidc_nonce", "The ID token does not answer this sign-in: its nonce is another one.")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise refusal("oidc_subject", "The ID token names no subject.")
    return claims


def _signed(id_token: str, keys: Mapping[str, Any], metadata: Metadata) -> dict[str, Any]:
    from joserfc import jwk, jwt  # 30 ms, for those who sign in this way alone
    from joserfc.errors import InvalidKeyIdError, JoseError

    allowed = [each for each in ALGORITHMS if each in metadata.id_token_signing_alg_values_supported]
    try:
        usable = [key for key in keys.get("keys", ()) if key.get("use", "sig") == "sig" and key.get("kty") != "oct"]
        found = jwk.KeySet.import_key_set({"keys": usable})
        return jwt.decode(id_token, found, algorithms=allowed).claims
    except InvalidKeyIdError:
        raise refusal("oidc_unknown_key", "The ID token's key is none that the provider publishes.") from None
    except (JoseError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise refusal(
            "oidc_signature", f"The signature of the ID token does not hold ({type(error).__name__})."
        ) from None


def _check_times(claims: dict[str, Any], now_s: int) -> None:
    times: dict[str, Any] = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    for name, value in times.items():
        missing = value is None and name == "nbf"
        if not missing and (isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53):
            raise refusal("oidc_times", f"The ID token's time {name!r} is no time.")
    if times["exp"] <= now_s - SKEW_S:
        raise refusal("oidc_expired", "The ID token has expired.")
    if times["iat"] > now_s + SKEW_S or (times["nbf"] is not None and times["nbf"] > now_s + SKEW_S):
        raise refusal("oidc_times", "The ID token is of the future: the clocks of provider and server differ.")
    if times["iat"] < now_s - LONGEST_AGE_S - SKEW_S:
        raise refusal("oidc_expired", "The ID token was issued too long ago.")


def claimed(row: ProviderRow, metadata: Metadata, claims: Mapping[str, Any], more: Mapping[str, Any]) -> Claimed:
    """Who it is, from the ID token and, for what that lacks, from ``more``: the answer of the userinfo endpoint."""
    if more and more.get("sub") != claims.get("sub"):
        raise refusal("oidc_subject", "The provider's userinfo is of another subject.")
    merged = {**more, **claims}
    email = merged.get("email")
    vouched = merged.get("email_verified") in (True, "true") or (
        row.terms.trust_email and merged.get("email_verified") is None
    )
    name = merged.get("name") or merged.get("preferred_username") or ""
    return Claimed(
        issuer=metadata.issuer,
        subject=str(claims["sub"]),
        email=email.strip().lower() if isinstance(email, str) and vouched else "",
        name="".join(each for each in name if each.isprintable())[:200] if isinstance(name, str) else "",
        groups=_groups(merged, row.terms.groups_claim),
    )


def lacks(row: ProviderRow, claims: Mapping[str, Any]) -> bool:
    """Whether the ID token leaves out what userinfo may tell."""
    grouped = any(each.group != "*" for each in row.terms.roles)
    return "email" not in claims or "name" not in claims or (grouped and _at(claims, row.terms.groups_claim) is None)


def _groups(claims: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """A list of names, or one name. ``where`` may lead into objects by dots, as in ``realm_access.roles``."""
    found = _at(claims, where)
    listed = cast("list[Any]", [found] if isinstance(found, str) else found if isinstance(found, list) else [])
    return tuple(each for each in listed[:_MOST_GROUPS] if isinstance(each, str))


def _at(claims: Mapping[str, Any], where: str) -> Any:
    if where in claims:  # names of claims may hold dots themselves: https://example.com/groups
        return claims[where]
    found: Any = claims
    for step in where.split("."):
        found = found.get(step) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return found  # pyright: ignore[reportUnknownVariableType]


def refusal(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, fix="Sign in again from the start.", code=code)
