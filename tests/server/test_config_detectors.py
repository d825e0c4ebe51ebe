"""``detectors_off`` in the config file: known names only, with the line of each mistake."""

import pytest

from trimtab.server.config.file import ConfigRefused, parse


def test_detectors_are_switched_off_by_name_and_left_out_says_nothing() -> None:
    assert parse("detectors_off: [refusal, length_change]", "t.yaml", {}).detectors_off == {"refusal", "length_change"}
    assert parse("detectors_off: []", "t.yaml", {}).detectors_off == frozenset()
    assert parse("project: shop", "t.yaml", {}).detectors_off is None


def test_a_name_that_no_detector_has_is_refused_at_its_line() -> None:
    with pytest.raises(ConfigRefused) as refused:
        parse("project: shop\ndetectors_off:\n  - refusal\n  - nonsense\n", "t.yaml", {})
    assert ":4:" in str(refused.value)
    assert "'nonsense'" in str(refused.value)
    assert "length_change" in str(refused.value)
