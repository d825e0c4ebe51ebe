"""Agreement, against scikit-learn 1.7, the package krippendorff 0.8 and Krippendorff's own example."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.scoring.agreement import Agreement, Level, Weights, cohen_kappa, confusion, krippendorff_alpha
from trimtab.scoring.resample import bootstrap

FOUR = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
"""Krippendorff 2011: four observers of twelve units, of which some were not seen."""
KAPPA = (0.6161137440758294, 0.5836298932384342, 0.5510688836104514)
PAIRS = [("a", "a")] * 12 + [("a", "b")] * 3 + [("b", "b")] * 9 + [("b", "c")] * 2 + [("c", "c")] * 6 + [("c", "a")] * 4


def within(found: Agreement) -> None:
    assert found.value is not None
    assert found.interval is not None
    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1


@pytest.mark.parametrize(
    ("level", "alpha"),
    [("nominal", 0.743421052631579), ("ordinal", 0.8153875037548814), ("interval", 0.8491071428571428)],
)
def test_alpha_is_that_of_krippendorffs_example(level: Level, alpha: float) -> None:
    units = list(zip(*FOUR, strict=True))
    found = krippendorff_alpha(units, level)
    assert found.value == pytest.approx(alpha)
    assert found.n == 11, "one unit was seen by one observer alone"
    within(found)
    assert found == krippendorff_alpha(units, level), "the same draws again"
    words = [[None if each is None else "abcde"[each - 1] for each in unit] for unit in units]
    if level != "interval":
        assert krippendorff_alpha(words, level, order="abcde").value == pytest.approx(alpha)


@pytest.mark.parametrize(("weights", "kappa"), [("none", KAPPA[0]), ("linear", KAPPA[1]), ("quadratic", KAPPA[2])])
def test_kappa_is_scikit_learns(weights: Weights, kappa: float) -> None:
    found = cohen_kappa(PAIRS, weights)
    assert found.value == pytest.approx(kappa)
    assert found.share == pytest.approx(27 / 36)
    within(found)


def test_pairs_of_one_group_are_one_observation() -> None:
    alone = cohen_kappa(PAIRS)
    tied = cohen_kappa(PAIRS, groups=[str(place // 6) for place in range(len(PAIRS))])
    assert tied.value == alone.value
    assert tied.interval is not None
    assert alone.interval is not None
    assert tied.interval.high - tied.interval.low > alone.interval.high - alone.interval.low


def test_always_the_same_is_no_certainty_and_one_label_alone_says_nothing() -> None:
    found = cohen_kappa([("a", "a")] * 5 + [("b", "b")] * 20)
    assert (found.value, found.share) == (1, 1)
    assert found.interval is not None
    assert 0.5 < found.interval.low < 0.8
    assert cohen_kappa([("a", "a")] * 9).value is None
    assert cohen_kappa([]).n == 0
    assert krippendorff_alpha([["a", None], [None, None]]).value is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]).value is None
    alike = krippendorff_alpha([["a", "a"]] * 9 + [["b", "b"]] * 9)
    assert alike.value == 1
    assert alike.interval is not None
    assert alike.interval.low < 0.8


def test_a_confusion_matrix_counts_first_by_row() -> None:
    found = confusion([("x", "y"), ("x", "x"), ("y", "x"), ("x", "y")])
    assert (found.labels, found.counts, found.n, found.agreed) == (("x", "y"), ((1, 2), (1, 0)), 4, 1)
    with pytest.raises(ValueError):
        confusion([("x", "z")], labels=("x", "y"))


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_whatever_was_said_there_is_an_answer_that_mirrors(pairs: list[tuple[str, str]]) -> None:
    one, other = cohen_kappa(pairs), cohen_kappa([(b, a) for a, b in pairs])
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert one.value == pytest.approx(other.value)


def test_kappas_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held, runs = random.Random(7), 0, 120
    for _ in range(runs):
        # Half and half, the second says the same in four of five: kappa is 0.6.
        firsts = [rng.choice("pf") for _ in range(80)]
        pairs = [(f, f if rng.random() < 0.8 else "pf"[f == "p"]) for f in firsts]
        found = cohen_kappa(pairs).interval
        held += found is not None and found.low <= 0.6 <= found.high
    assert held / runs > 0.9


def test_the_bootstrap_of_a_mean_is_scipys_bca() -> None:
    import numpy

    values = numpy.array([1.2, 3.4, 2.2, 5.1, 9.7, 2.8, 4.4, 3.9, 6.1, 2.5])
    found = bootstrap(lambda drawn: drawn @ values / drawn.sum(axis=1), [1] * 10, draws=40_000)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((3.02, 6.04), abs=0.06)  # scipy 1.17, 200,000 draws
    assert bootstrap(lambda drawn: drawn @ values, [1]) is None
