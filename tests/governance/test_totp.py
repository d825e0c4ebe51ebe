"""Time-based one-time passwords, by the vectors of RFC 4226 (appendix D) and RFC 6238 (appendix B)."""

import pytest

from trimtab.governance import totp

SEED = b"12345678901234567890"
CODES = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489")
SEEDS = {"sha1": SEED, "sha256": (SEED * 2)[:32], "sha512": (SEED * 4)[:64]}


@pytest.mark.parametrize(
    ("counter", "code"),
    list(enumerate(CODES)),
)
def test_the_codes_of_counters_are_those_of_rfc_4226(counter: int, code: str) -> None:
    assert totp.hotp(SEED, counter) == code


@pytest.mark.parametrize(
    ("at", "algorithm", "code"),
    [
        (59, "sha1", "94287082"),
        (59, "sha256", "46119246"),
        (59, "sha512", "90693936"),
        (1111111109, "sha1", "07081804"),
        (1111111109, "sha256", "68084774"),
        (1111111109, "sha512", "25091201"),
        (1111111111, "sha1", "14050471"),
        (1234567890, "sha1", "89005924"),
        (2000000000, "sha1", "69279037"),
        (20000000000, "sha1", "65353130"),
        (20000000000, "sha256", "77737706"),
        (20000000000, "sha512", "47863826"),
    ],
)
def test_the_codes_of_times_are_those_of_rfc_6238(at: int, algorithm: str, code: str) -> None:
    assert totp.hotp(SEEDS[algorithm], totp.step_at(at), digits=8, algorithm=algorithm) == code


def test_a_code_is_taken_a_step_early_or_late_once_and_never_again() -> None:
    at = 1_750_000_000
    step = totp.step_at(at)
    for drift in (-1, 0, 1):
        code = totp.hotp(SEED, step + drift)
        assert totp.matching_step(SEED, code, at, 0) == step + drift
        assert totp.matching_step(SEED, code, at, step + drift) is None
    for drift in (-2, 2):
        assert totp.matching_step(SEED, totp.hotp(SEED, step + drift), at, 0) is None


def test_an_app_reads_the_secret_and_whose_it_is() -> None:
    assert totp.uri(SEED, "Trimtab", "admin (a b)") == (
        "otpauth://totp/Trimtab:admin%20%28a%20b%29?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Trimtab&algorithm=SHA1&digits=6&period=30"
    )
