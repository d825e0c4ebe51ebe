"""How many processes help is told from the processors that this one may run on."""

import os

import pytest

from trimtab.core.processors import processors
from trimtab.telemetry.mapping.pool import usual_number


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell")
@pytest.mark.parametrize(("allowed", "helpers"), [({0}, 0), ({0, 1}, 1), ({3, 5, 7, 9}, 1)])
def test_one_process_helps_where_it_has_a_processor(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], helpers: int
) -> None:
    def told(_pid: int) -> set[int]:
        return allowed

    monkeypatch.setattr(os, "sched_getaffinity", told)
    assert (processors(), usual_number()) == (len(allowed), helpers)


def test_there_is_one_where_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
