"""`trimtab accounting`: the token-accounting suite, sent as OpenTelemetry, and what the server made of it."""

import secrets
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import FAILED, api_command, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest, NotFound, Unavailable
from trimtab.sdk.client import Client
from trimtab.sdk.connection import management_key

WAIT_S = 60.0
_POLL_S = 0.2


@click.command()
@click.option("--convention", "conventions", multiple=True, help="Only of this one; repeat for more. [default: all]")
@click.option("--write", "folder", type=click.Path(path_type=Path), help="Write the payloads there; send nothing.")
@click.option("--wait", default=WAIT_S, show_default=True, help="Seconds until every trace must be right.")
@project_option
@click.pass_context
@api_command
def command(
    ctx: click.Context,
    *,
    conventions: tuple[str, ...],
    folder: Path | None,
    wait: float,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Send traces whose tokens are known, and check that the server counts each token once.

    Some sixty small traces, as OpenTelemetry GenAI, OpenInference, OpenLLMetry, Langfuse, Vercel's AI SDK, pydantic-ai,
    MLflow and LangSmith write them. Ends with 1 if one comes to other totals. With --write, the payloads (OTLP as JSON)
    and what they must come to are written to files, for use with another tool.

    \b
    Examples:
      trimtab accounting
      trimtab accounting --convention vercel_ai --convention openinference
      trimtab accounting --write payloads/
    """
    from trimtab.telemetry.accounting import Case, cases

    there = cases()
    for name in conventions:
        if name not in there:
            raise InvalidRequest(
                f"There is no convention {name!r}.", fix=f"Use one of: {', '.join(there)}.", param="--convention"
            )
    wanted: list[tuple[str, Case]] = [
        (name, case) for name, found in there.items() if not conventions or name in conventions for case in found
    ]
    if folder is not None:
        _write(folder, wanted)
        click.echo(f"Wrote {len(wanted)} payloads to {folder}.")
        return
    click.echo(
        f"Sending {len(wanted)} invented traces of 'token-accounting' to the project {project!r}: they count in its "
        "lists and costs, and stay. To keep them apart: trimtab projects create accounting, then --project accounting. "
        "To take one out again: trimtab erase --trace ID (--json gives the ids).",
        err=True,
    )
    lines = _run(client, project, wanted, wait)
    wrong = [line for line in lines if line["wrong"]]
    if as_json:
        print_json({"cases": lines, "right": len(lines) - len(wrong), "wrong": len(wrong)})
    else:
        rows = [(line["convention"], line["case"], _said(line["wrong"]), line["trace_id"]) for line in wrong]
        print_table(("CONVENTION", "CASE", "EXPECTED, FOUND", "TRACE"), rows, empty="Every token was counted once.")
        click.echo(f"{len(lines) - len(wrong)} of {len(lines)} traces are right.")
    if wrong:
        ctx.exit(FAILED)


def _write(folder: Path, wanted: list[tuple[str, Any]]) -> None:
    from trimtab.telemetry.accounting import otlp_json

    folder.mkdir(parents=True, exist_ok=True)
    for at, (convention, case) in enumerate(wanted):
        payload = otlp_json(case, f"{at + 1:032x}", time.time_ns() - 2_000_000_000)
        said = {"convention": convention, "case": case.id, "about": case.about, "expected": case.expected}
        held = msgspec.json.format(msgspec.json.encode({**said, "otlp": payload}), indent=1)
        (folder / f"{convention}.{case.id}.json").write_bytes(held + b"\n")


def _run(client: Client, project: str, wanted: list[tuple[str, Any]], wait: float) -> list[dict[str, Any]]:
    """Send every case, then look until all are right or the time is over."""
    sent = _send(client, project, wanted)
    end = time.monotonic() + wait
    lines: dict[str, dict[str, Any]] = {}
    waiting = list(sent)
    while True:
        waiting = [each for each in waiting if not _look(client, project, each, lines)]
        if not waiting or time.monotonic() > end:
            return [lines[trace_id] for trace_id, _, _ in sent]
        time.sleep(_POLL_S)


def _send(client: Client, project: str, wanted: list[tuple[str, Any]]) -> list[tuple[str, str, Any]]:
    import httpx

    from trimtab.telemetry.accounting import otlp_json

    began = time.time_ns() - 2_000_000_000
    sent: list[tuple[str, str, Any]] = []
    headers = {"authorization": f"Bearer {management_key()}", "trimtab-project": project}
    with httpx.Client(headers=headers, timeout=30) as http:
        for at, (convention, case) in enumerate(wanted):
            trace_id = secrets.token_hex(16)
            # Cases have the same span ids. The books know a row by time and span, so no two may begin together.
            answer = http.post(f"{client.url}/v1/traces", json=otlp_json(case, trace_id, began + at * 1_000))
            if answer.status_code != 200 or answer.json().get("partialSuccess", {}).get("rejectedSpans"):
                raise Unavailable(
                    f"The server did not take {convention}/{case.id}: {answer.status_code} {answer.text[:300]}",
                    fix="Check that the key may write to the project, and the server's log.",
                )
            sent.append((trace_id, convention, case))
    return sent


def _look(client: Client, project: str, sent: tuple[str, str, Any], lines: dict[str, dict[str, Any]]) -> bool:
    """Note what a trace came to so far; whether that is right."""
    from trimtab.telemetry.accounting import BUCKETS, verdict

    trace_id, convention, case = sent
    try:
        tokens = client.trace(project, trace_id).tokens
        found = {name: int(getattr(tokens, name)) for name in BUCKETS}
    except (NotFound, Unavailable):  # not there yet, or the store is being opened
        found = dict.fromkeys(map(str, BUCKETS), -1)
    wrong = verdict(case, found, ()).wrong
    lines[trace_id] = {"convention": convention, "case": case.id, "trace_id": trace_id, "wrong": wrong}
    return not wrong


def _said(wrong: dict[str, tuple[int, int]]) -> str:
    if any(found < 0 for _, found in wrong.values()):
        return "the trace did not come"
    return ", ".join(f"{name} {expected}, {found}" for name, (expected, found) in wrong.items())
