"""What guards decided about a call, as rows: marks on its request span, a guardrail span and a score for each verdict
that was more than "allow", and one score of the call for what was done.

    guards column   ``NAME|STAGE|ACTION|MODE`` for every verdict: what searches, reports and shares are counted by; one
                    more with ``unread`` in place of the action where there was something that it could not read
    guardrail span  below the request span; its name is the guard's, its error what kept the guard from telling
    score           ``guard:NAME`` on the request span, source ``guard``: value its score, label the action (``would
                    block`` in shadow mode), explanation its reason
    score           ``guard_blocked`` or ``guard_flagged``, 1: what was done with the call

What no guard minded leaves its marks and nothing else. Mapping a record again makes the same rows.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from trimtab.telemetry.records import CallRecord, GuardLine
from trimtab.telemetry.rows import SPANS, Rows
from trimtab.telemetry.scores.types import Score, ScoreBatch, add_scores, id_for

BLOCKED: Final = "guard_blocked"
FLAGGED: Final = "guard_flagged"
PREFIX: Final = "guard:"
UNREAD: Final = "unread"
STOPS: Final = ("block", "escalate")
_json: Final = msgspec.json.Encoder()
EMPTY: Final[dict[str, Any]] = {
    "ttft_ns": None, "tried": [], "tags": [], "metadata": {}, "cost": None, "guards": [], "leaf": 0, "entry": 0,
    "stream": 0, "http_status": 0, "input_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0,
    "output_tokens": 0, "reasoning_tokens": 0, "tokens_estimated": 0, "unpriced": 0, "attempts": 0, "fallbacks": 0,
    "captured": 0, "shared_io": 0,
}  # fmt: skip


def marks(record: CallRecord) -> list[str]:
    """The ``guards`` column of a call's request span."""
    return [
        f"{line.guard}|{line.stage}|{what}|{line.mode}"
        for line in record.guards
        for what in ((line.action, UNREAD) if line.unread else (line.action,))
    ]


def add_guard_rows(rows: Rows, owner: int, record: CallRecord) -> None:
    told = [line for line in record.guards if line.action != "allow" or line.failed]
    if not told:
        return
    for number, line in enumerate(told):
        rows.spans.add(owner, _span(record, line, number))
    scores = [_score(record, line, number) for number, line in enumerate(told) if line.action != "allow"]
    done = {line.action for line in told if line.mode == "enforce"}
    if done & set(STOPS):
        scores.append(_done(record, BLOCKED, told))
    elif done & {"flag", "redact"}:
        scores.append(_done(record, FLAGGED, told))
    add_scores(rows.scores, owner, ScoreBatch(project=record.project, scores=tuple(scores)))


def _span(record: CallRecord, line: GuardLine, number: int) -> tuple[Any, ...]:
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(line.found.items()))
    would = "would " if line.mode == "shadow" else ""
    said = f"{would}{line.action} at {line.stage}: {line.reason}" + (f" ({found})" if found else "")
    values: dict[str, Any] = {
        **dict.fromkeys(SPANS, ""),
        **EMPTY,
        "project": record.project,
        "trace_id": record.trace_id,
        "span_id": blake2b(f"{record.span_id}/{number}".encode(), digest_size=8).hexdigest(),
        "parent_span_id": record.span_id,
        "request_id": record.request_id,
        "kind": "guardrail",
        "name": f"guard {line.guard}@{line.version}",
        "status": "error" if line.failed else "ok",
        "start_ns": record.started_ns if line.stage in ("input", "retrieved", "tool_result") else record.ended_ns,
        "duration_ns": max(0, line.took_us) * 1_000,
        "app": record.app,
        "release": record.release,
        "environment": record.environment,
        "feature": record.feature,
        "session": record.session,
        "user": record.user,
        "key_id": record.key_id,
        "variant": record.variant,
        "error_code": "guard_failed" if line.failed else "",
        "error_message": line.failed,
        "error_source": "trimtab" if line.failed else "",
        "output_preview": said[:200],
        "decision": _json.encode({"guards": (line,)}).decode(),
    }
    return tuple(values[name] for name in SPANS)


def _score(record: CallRecord, line: GuardLine, number: int) -> Score:
    return _made(
        record,
        f"{PREFIX}{line.guard}",
        line.score,
        f"would {line.action}" if line.mode == "shadow" else line.action,
        line.failed or line.reason,
        f"{number}",
        f"{line.guard}@{line.version}",
        f"{line.kind} {line.detector}",
    )


def _done(record: CallRecord, name: str, told: list[GuardLine]) -> Score:
    """Who did it: the first that was enforced and wanted as much."""
    wanted = STOPS if name == BLOCKED else ("redact", "flag")
    by = next(line for line in told if line.mode == "enforce" and line.action in wanted)
    return _made(record, name, 1.0, by.action, by.reason, name, f"{by.guard}@{by.version}", f"{by.kind} {by.detector}")


def _made(
    record: CallRecord, name: str, value: float, label: str, why: str, key: str, guard: str, detector: str
) -> Score:
    own = f"guard:{record.span_id}:{key}"
    return Score(
        id=id_for(record.project, own),
        target="span",
        trace_id=record.trace_id,
        span_id=record.span_id,
        session=record.session,
        name=name,
        value=value,
        label=label,
        explanation=why,
        source="guard",
        evaluator=guard,
        evaluator_version=detector,
        at_ns=record.ended_ns,
        key=own,
        version=record.ended_ns,
    )
