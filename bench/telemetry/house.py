"""A telemetry process on a data folder of its own, as the server starts it, and a way to see how it is."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx


class TelemetryProcess:
    """Started on entry, drained and stopped on exit."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.socket = data_dir / "run" / "telemetry.sock"
        self._argv = [sys.executable, "-m", "trimtab.telemetry.process"]
        self._argv += ["--data-dir", str(data_dir), "--socket", str(self.socket)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, env={**os.environ, "TRIMTAB_PARENT_PID": str(os.getpid())})
        self._http = httpx.Client(base_url="http://telemetry", transport=httpx.HTTPTransport(uds=str(self.socket)))
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(60)

    @property
    def pid(self) -> int:
        return self._process.pid

    def health(self) -> dict[str, object]:
        try:
            return self._http.get("/health").json()
        except httpx.HTTPError:
            return {"state": "starting", "waiting": -1, "spans": -1}

    def wait_until(self, spans: int) -> float:
        """Until that many spans are in the store; returns the seconds it took."""
        began = time.perf_counter()
        while int(str(self.health()["spans"])) < spans:
            if self._process.poll() is not None:
                raise RuntimeError("the telemetry process ended")
            time.sleep(0.05)
        return time.perf_counter() - began

    def wait_merged(self, within_s: float = 90.0) -> float:
        """Until the engine merges nothing any more: questions are then not asked beside the after-work of the ingest.
        Returns the seconds it took."""
        began = time.perf_counter()
        quiet = 0
        while quiet < 10 and time.perf_counter() - began < within_s:
            answer = self._http.post(
                "/", content="SELECT count() AS n FROM system.merges FORMAT JSONEachRow", timeout=30
            )
            quiet = quiet + 1 if answer.status_code == 200 and answer.json()["n"] in (0, "0") else 0
            time.sleep(0.2)
        return time.perf_counter() - began

    def active_mb(self) -> int:
        """What the store takes without parts that have been merged and are not removed yet."""
        sql = "SELECT toUInt32(sum(bytes_on_disk) / 1048576) AS n FROM system.parts WHERE active FORMAT JSONEachRow"
        return int(self._http.post("/", content=sql, timeout=30).raise_for_status().json()["n"])

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def page_faults(self) -> int:
        """Pages that it was given, anew or again."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[7])

    def rss_mb(self) -> tuple[int, int]:
        """Resident now, and at its highest."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
        return int(found["VmRSS"]) >> 10, int(found["VmHWM"]) >> 10

    def disk_mb(self) -> int:
        folder = self.data_dir / "telemetry"
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20
