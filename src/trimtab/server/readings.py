"""What the gauges of a worker stand at."""

from collections.abc import Callable

from trimtab.llm.transport import Transport
from trimtab.server.snapshot.holder import SnapshotHolder
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.spool.spool import Spool


def readings(
    spool: Spool, intake: Intake, transport: Transport, holder: SnapshotHolder
) -> dict[str, tuple[str, Callable[[], float]]]:
    """By the name of a gauge: what it is, and what it stands at."""
    return {
        "trimtab_spool_waiting": ("Records of this worker that the store does not have yet", lambda: spool.waiting),
        "trimtab_spool_bytes": ("Bytes of this worker's spool on disk", lambda: spool.disk_bytes),
        "trimtab_spool_appended": ("Records this worker has made durable", lambda: spool.appended),
        "trimtab_spool_failed": ("Records that could not be made durable", lambda: spool.failed),
        "trimtab_otlp_accepted": ("Foreign spans this worker has made durable", lambda: intake.accepted),
        "trimtab_otlp_refused": ("Foreign spans that were set aside as dead letters", lambda: intake.refused),
        "trimtab_otlp_unkept": ("Log records and metrics that were accepted and not kept", lambda: intake.unkept),
        "trimtab_otlp_waiting": ("Records of foreign spans that the store does not have yet", lambda: intake.waiting),
        "trimtab_upstream_in_flight": ("Upstream calls under way in this worker", lambda: transport.in_flight),
        "trimtab_catalog_away": ("1 while the catalog cannot be read", lambda: float(bool(holder.away))),
        "trimtab_config_refused": (
            "1 while the config file on disk has mistakes and the one before is in force",
            lambda: float(bool(holder.watch.trouble)),
        ),
        "trimtab_config_reloads": ("Times a changed config file came into force", lambda: holder.watch.reloads),
    }
