"""What a route does before it shows texts of calls, where the project wants reads of content in its audit log."""

from trimtab.governance.access import Project
from trimtab.governance.audit import Actor
from trimtab.governance.content_reads import ALL, NONE, Reading
from trimtab.governance.data_classes import Classes
from trimtab.governance.people_store import name_of
from trimtab.server.auth import Caller
from trimtab.server.content_access import may_read
from trimtab.server.dependencies import Dependencies


async def content_read(
    deps: Dependencies, caller: Caller, tenant: Project, what: str, trace_id: str = "", *, always: bool = False
) -> None:
    """``what`` of many calls at once (``traces``, ``sql``), or one trace. A trace that was unmasked has an entry of its
    own; of who is shown no texts nothing is told. A level that left the project's list counts as the lowest.
    ``always``: content leaves as a file, and what has left stands in the log whatever the project wants of reads."""
    wanted = ALL if always else tenant.audit_reads
    if wanted == NONE or not may_read(caller.principal, tenant):
        return
    data_class = ""
    if trace_id and wanted != ALL:
        governed = deps.snapshots.current.governed.get(tenant.id)
        classes = Classes() if governed is None else governed.stated.classes
        data_class = classes.highest(await deps.recorded.classes(tenant.id, [trace_id]))
        if classes.rank(data_class) < classes.rank(wanted):
            return
    reading = Reading(
        project_id=tenant.id,
        actor=Actor(caller.principal.key_id, ""),
        subject=f"trace:{trace_id}" if trace_id else what,
        data_class=data_class,
    )
    await deps.reads.note(deps.db, reading, name_of, deps.now())
