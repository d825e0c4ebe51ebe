"""What never speaks TLS reads no certificate authorities, trusts nobody, and what does speak it reads them as ever."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from trimtab.core.no_tls import no_tls
from trimtab.sdk import Client
from trimtab.sdk.connection import Unreachable
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.stores.clickhouse import ClickHouseStore


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each time somebody reads authorities."""
    noted: list[str] = []
    reading = ssl.SSLContext.load_verify_locations

    def noting(context: ssl.SSLContext, *given: Any, **named: Any) -> None:
        noted.append(str(given or named))
        reading(context, *given, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noting)
    return noted


def test_there_is_one_for_all_and_it_trusts_nobody() -> None:
    assert no_tls() is no_tls()
    assert (no_tls().verify_mode, no_tls().check_hostname) == (ssl.CERT_REQUIRED, True)
    assert no_tls().get_ca_certs() == []


@pytest.mark.parametrize(("url", "read"), [("http://127.0.0.1:1", 0), ("https://127.0.0.1:1", 1)])
def test_only_a_client_that_speaks_tls_reads_authorities(reads: list[str], url: str, read: int) -> None:
    with Client(url, "tt_key") as client, pytest.raises(Unreachable):
        client.projects()
    assert len(reads) == read


def test_who_asks_the_telemetry_process_reads_none(reads: list[str], tmp_path: Path) -> None:
    ClickHouseStore("http://telemetry", uds=tmp_path / "t.sock").close()
    asyncio.run(TelemetryReader(tmp_path / "t.sock").aclose())
    assert reads == []
    ClickHouseStore("https://clickhouse.test").close()
    assert len(reads) == 1
