"""Where a secret that is kept for one address may be sent: tricks with URLs, and what is only written otherwise."""

import pytest

from trimtab.governance.kept_secrets import Elsewhere, leads_elsewhere

SAME = (
    ("https://api.example.com/v1", "https://api.example.com/v1/"),
    ("https://api.example.com/v1/", "https://API.example.com:443/v1"),
    ("https://api.example.com", "https://api.example.com./v1/traces"),
    ("http://127.0.0.1:9100", "http://127.0.0.1:9100/v1"),
    ("https://[2001:db8::1]/a", "https://[2001:DB8::1]:443/a/b"),
    ("https://hooks.example.com/a?code=1", "https://hooks.example.com/a?code=1"),
    ("kafka://one:9092,two/closed", "kafka://TWO:9092/others"),
    ("", ""),
)
ELSEWHERE = (
    ("https://api.example.com/v1", "https://api.example.org/v1"),
    ("https://api.example.com/v1", "http://api.example.com/v1"),
    ("https://api.example.com/v1", "http://api.example.com:443/v1"),
    ("https://api.example.com/v1", "https://api.example.com:8443/v1"),
    ("https://api.example.com/v1", "https://api.example.com.evil.example/v1"),
    ("https://api.example.com/v1", "https://api.example.com@evil.example/v1"),
    ("https://api.example.com/v1", "https://evil.example/api.example.com/v1"),
    ("https://api.example.com/v1", "https://evil@api.example.com/v1"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/theirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine2"),
    ("https://hooks.example.com/mine/deep", "https://hooks.example.com/mine"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/../theirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/%2e%2E/theirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/%252e%252e/theirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/..%2ftheirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/..\\theirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/..%255ctheirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/..;/theirs"),
    ("https://hooks.example.com/mine", "https://hooks.example.com/mine/%2e%2e%3bx=1/theirs"),
    ("https://hooks.example.com/a?to=mine", "https://hooks.example.com/a?to=theirs"),
    ("https://hooks.example.com/a", "https://hooks.example.com/a?to=theirs"),
    ("https://api.example.com/v1", "https://api.example.com:99999/v1"),
    ("https://api.example.com/v1", "ftp://api.example.com/v1"),
    ("https://api.example.com/v1", ""),
    ("", "https://api.example.com/v1"),
    ("kafka://one:9092/closed", "kafka://one:9092,evil:9092/closed"),
    ("kafka://one:9092/closed", "kafka://one:9093/closed"),
    ("kafka://one:9092/closed", "https://one:9092/closed"),
)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_is_only_written_otherwise_or_lies_below_is_the_same_address(old: str, new: str) -> None:
    assert not leads_elsewhere(old, new)


@pytest.mark.parametrize(("old", "new"), ELSEWHERE)
def test_a_kept_secret_is_not_for_another_scheme_host_port_path_or_query(old: str, new: str) -> None:
    assert leads_elsewhere(old, new)


def test_the_refusal_names_the_fields_and_the_address_they_were_given_for() -> None:
    refused = Elsewhere("The provider 'lab'", "https://a.example/", "https://b.example/", ["api_key", "headers.x-key"])
    assert (refused.status, refused.code, refused.param) == (400, "secret_for_another_address", "api_key")
    assert "'https://a.example/'" in refused.message
    assert "'api_key', 'headers.x-key' are missing" in refused.message
    assert "take them away" in refused.fix
