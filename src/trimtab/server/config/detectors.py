"""``detectors_off`` in the config file: names of detectors of silent failures."""

from collections.abc import Sequence

from trimtab.server.config.values import Refuse, Value
from trimtab.telemetry.detectors import DETECTORS


def read_detectors_off(given: Sequence[Value] | None, refuse: Refuse) -> frozenset[str] | None:
    """None where the file says nothing about them; an empty list says that all are on."""
    if given is None:
        return None
    for each in given:
        if each.value not in DETECTORS.names():
            refuse(each.line, f"there is no detector {each.value!r}.", f"There are: {', '.join(DETECTORS.names())}.")
    return frozenset(str(each.value) for each in given)
