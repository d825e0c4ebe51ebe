"""What is noted of an attempt before it is sent (`telemetry/spool/note.py` says what each is)."""

from trimtab.gateway.call import Call
from trimtab.gateway.targets import tier_for
from trimtab.gateway.tried import Try
from trimtab.ledger.estimate import estimate_size

_NO_APP = (None, "", "", "", "", "")


def note_of(call: Call, attempt: Try) -> tuple[object, ...]:
    """The fields of a `Note`, in their order."""
    project, principal = call.project, call.principal
    assert project is not None
    assert principal is not None
    caller, provider, model = call.caller, attempt.target.provider, attempt.target.model
    app = call.app
    of_app: tuple[object, ...] = ()
    if app is not None:
        of_app = (None, app.app, app.environment, app.number, app.variant, app.rollout)
    if tier := tier_for(provider, call.front, call.head.tier):  # nearly all ask for none
        of_app = (*(of_app or _NO_APP), "", tier)
    return (
        call.request_id, caller.trace_id, call.span_id, caller.parent_span_id, attempt.span_id,
        project.id, principal.key_id, call.front.name, call.head.model, provider.name, provider.kind,
        model.upstream, model.name, provider.dialect, caller.feature, caller.session, caller.user, caller.tags,
        call.head.stream, call.started_ns, attempt.started_ns, estimate_size(call.body),
        *of_app,
    )  # fmt: skip
