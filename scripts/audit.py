"""Known vulnerabilities in what the lock file pins, by `pip-audit`; part of `make check`.

A finding fails. A network that is not there does not: a check that is red whenever a registry is away teaches people to
ignore it, and the same lock file is audited again with the next run that has a network. An answer is kept for a day per
lock file, so that checking often does not ask often. What is accepted for a while stands in `ACCEPTED`, with its reason
and its end; after that day it fails again.
"""

import datetime
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STAMP = ROOT / ".venv" / ".stamps" / "audited"
KEPT_S = 24 * 3600
LIMIT_S = 180

ACCEPTED: dict[str, tuple[str, str]] = {}
"""Vulnerability id -> (last day it is accepted, ISO date; why it does not reach us)."""


def say(text: str) -> None:
    print(f"audit: {text}", file=sys.stderr)  # noqa: T201


def audited_lately(digest: str) -> bool:
    return STAMP.is_file() and STAMP.read_text() == digest and time.time() - STAMP.stat().st_mtime < KEPT_S


def run_audit() -> list[dict[str, Any]] | None:
    """The installed packages with their vulnerabilities; None when the service cannot be asked."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        say(f"no answer within {LIMIT_S} s")
        return None
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        say((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1][:300])
        return None


def open_findings(packages: list[dict[str, Any]], today: str) -> list[str]:
    """One line for each vulnerability that is not accepted as of ``today`` (ISO date)."""
    found: list[str] = []
    for package in packages:
        for vulnerability in package.get("vulns", []):
            until = ACCEPTED.get(vulnerability["id"], ("", ""))[0]
            if until < today:
                fixed = ", ".join(vulnerability.get("fix_versions") or []) or "no release yet"
                found.append(f"{package['name']} {package['version']}: {vulnerability['id']} (fixed in {fixed})")
    return found


def main() -> int:
    digest = hashlib.sha256((ROOT / "uv.lock").read_bytes()).hexdigest()
    if audited_lately(digest):
        say("this lock file was audited within the last day")
        return 0
    packages = run_audit()
    if packages is None:
        say("NOT AUDITED: the vulnerability service cannot be asked from here; the next run with a network will")
        return 0
    findings = open_findings(packages, datetime.datetime.now(datetime.UTC).date().isoformat())
    for line in findings:
        say(line)
    if findings:
        return 1
    STAMP.parent.mkdir(parents=True, exist_ok=True)
    STAMP.write_text(digest)
    say(f"{len(packages)} packages, no known vulnerability")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
