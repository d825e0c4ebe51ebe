"""What takes longer than other requests may take so long."""

from typing import Any

import httpx
import pytest

from trimtab.sdk import Client
from trimtab.sdk.rollouts import VERIFY_S

VERIFIED: dict[str, Any] = {
    "chain": "", "ok": True, "entries": 0, "head": {"seq": 0, "hash": ""}, "checkpoints": 0, "signed": 0,
    "signed_at": None, "key": "", "problems": [], "found": 0,
}  # fmt: skip


@pytest.mark.parametrize(("own", "waits"), [(1.0, VERIFY_S), (VERIFY_S * 2, VERIFY_S * 2)])
def test_a_long_audit_log_is_waited_for(monkeypatch: pytest.MonkeyPatch, own: float, waits: float) -> None:
    asked: list[float] = []

    def request(_: Any, method: str, url: str, *, timeout: float, **__: Any) -> httpx.Response:
        asked.append(timeout)
        return httpx.Response(200, json=VERIFIED, request=httpx.Request(method, f"http://trimtab.test{url}"))

    monkeypatch.setattr(httpx.Client, "request", request)
    with Client("http://trimtab.test", "tt_x", timeout=own) as client:
        assert client.rollouts.verify_audit(None).ok
    assert asked == [waits]


@pytest.mark.parametrize("own", [7.0, None])
def test_any_other_request_waits_as_the_client_was_told_and_one_without_an_end_without_end(
    monkeypatch: pytest.MonkeyPatch, own: float | None
) -> None:
    asked: list[float | None] = []

    def answer(_: Any, request: httpx.Request) -> httpx.Response:
        asked.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={"items": [], "cursor": None})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    with Client("http://trimtab.test", "tt_x", timeout=own) as client:  # pyright: ignore[reportArgumentType]
        assert client.projects() == []
    assert asked == [own]
