"""Content that a caller may not read: what is left of an answer without the texts of calls.

Whoever lacks ``content:read`` where they ask ("metadata only") gets every answer with numbers, names, scores and
verdicts, and without what was said: the table below names each field of the API's answers that holds such text, and
`Answer`, through which every answer goes, empties them. Where nothing would be left, or where a call's text would be
carried elsewhere, the route says so (`routes.Operation.needs_content`) and is refused with the way out; so is a search
by words, whose hits would tell what was said (`content_access.py`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from msgspec import Struct, structs

from trimtab.evaluation.dataset_diff import CaseFieldChange
from trimtab.evaluation.duplicates import Twins
from trimtab.evaluation.redteam.types import AttackExample
from trimtab.evaluation.types import CaseTexts
from trimtab.review.types import Outcome, SeenScore, Subject
from trimtab.server.bodies.corpus import DocumentText, PassageView
from trimtab.server.bodies.dataset import CaseChangeView, CaseView
from trimtab.server.bodies.experiment import CellScoreView, CellView, ReportView
from trimtab.server.bodies.guard import GuardExample
from trimtab.server.bodies.redteam import RedteamReportView
from trimtab.server.bodies.review import VerdictView
from trimtab.server.content_access import STATE
from trimtab.telemetry.costs.views import CostlyPrompt
from trimtab.telemetry.seen.tail import TailEvent
from trimtab.telemetry.seen.views import CauseRow, SessionRow, ToolRow
from trimtab.telemetry.views import DecisionLine, ScoreView, SpanIO, SpanRow

TEXTS: Final[Mapping[type[Struct], tuple[str, ...]]] = {
    SpanRow: ("input_preview", "output_preview", "error_message"),
    SpanIO: ("input", "output", "tools", "params", "raw_request", "raw_response"),
    DecisionLine: ("reason",),
    ScoreView: ("explanation",),
    SessionRow: ("asked", "answered"),
    CauseRow: ("pattern", "message"),
    ToolRow: ("last_error", "problem"),
    CostlyPrompt: ("preview",),
    GuardExample: ("preview",),
    Subject: ("input", "messages", "answer", "sources", "tool_calls"),
    SeenScore: ("explanation",),
    Outcome: ("correction", "note"),
    VerdictView: ("correction", "note"),
    CaseView: ("input", "expected", "context", "expected_tool_calls", "metadata"),
    CaseChangeView: ("says",),
    CaseFieldChange: ("before", "after"),
    Twins: ("text",),
    CaseTexts: ("input", "expected", "answers"),
    CellView: ("output", "error"),
    CellScoreView: ("explanation",),
    ReportView: ("text",),
    AttackExample: ("why",),
    RedteamReportView: ("text",),
    DocumentText: ("text", "metadata"),
    PassageView: ("text", "terms"),
}
"""What holds texts of calls, or of what was made of them. An error's message is one: providers repeat what they were
sent."""
_NOTHING: Final[tuple[Any, ...]] = ("", (), [], {})
"""Never changed: answers are only encoded."""
_BARE: Final = (str, int, float, bool, bytes, type(None))


def withheld(value: Any) -> Any:
    """The same without texts; whatever has a field ``withheld`` says there whether something was taken out of it."""
    if isinstance(value, _BARE):
        return value
    if isinstance(value, Struct):
        return _struct(value)
    if isinstance(value, Mapping):
        found = cast("Mapping[Any, Any]", value)
        return {key: withheld(each) for key, each in found.items()}
    if isinstance(value, list | tuple):
        left = [withheld(each) for each in cast("Iterable[Any]", value)]
        return left if isinstance(value, list) else tuple(left)
    return value


def _struct(value: Struct) -> Struct:
    texts = TEXTS.get(type(value), ())
    changed: dict[str, Any] = {}
    for name in value.__struct_fields__:
        had = getattr(value, name)
        left = _empty(had) if name in texts else withheld(had)
        if left is not had:
            changed[name] = left
    if any(name in texts for name in changed) and "withheld" in value.__struct_fields__:
        changed["withheld"] = True
    return structs.replace(value, **changed) if changed else value


def _empty(value: Any) -> Any:
    """Nothing, of the same type; the value itself where it is nothing already."""
    if not value:
        return value
    return next((nothing for nothing in _NOTHING if isinstance(value, type(nothing))), None)


def tail_event(event: TailEvent) -> TailEvent:
    """An event of a live tail, without texts."""
    return cast("TailEvent", withheld(event))


class Answer(Response[Any]):
    """How every answer of the API is made: without texts for who may not read them."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **more: Any) -> ASGIResponse:
        if request.scope["state"].get(STATE):
            self.content = withheld(self.content)
        return super().to_asgi_response(app, request, **more)  # pyright: ignore[reportUnknownMemberType]
