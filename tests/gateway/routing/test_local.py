"""Which providers count as one's own machines."""

import pytest
from msgspec.structs import replace

from trimtab.gateway.routing.local import is_local
from trimtab.gateway.targets import Provider

LAB = Provider(name="lab", kind="custom", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9/v1", True),
        ("http://localhost/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://172.31.0.1/v1", True),
        ("http://192.168.1.7:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://[fd00::7]/v1", True),
        ("http://172.32.0.1/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://0.0.0.0/v1", False),
        ("http://[::ffff:8.8.8.8]/v1", False),
        ("http://[64:ff9b::808:808]/v1", False),
        ("http://100.64.0.1/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://127.0.0.1.nip.io/v1", False),
        ("http://vllm.internal/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_an_address_shows_it_or_it_does_not_count(url: str, expected: bool) -> None:
    assert is_local(replace(LAB, base_url=url)) is expected


def test_a_trusted_name_and_a_process_of_ours_count() -> None:
    away = replace(LAB, base_url="https://vllm.internal/v1")
    assert (is_local(away), is_local(away, ("lab",)), is_local(away, ("other",))) == (False, True, False)
    assert is_local(Provider(name="local", kind="local", dialect="openai_chat", base_url="")) is True
    assert is_local(replace(LAB, base_url="")) is False
