"""However an emitter counts, the buckets are exclusive and their sum is what was used."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.types import Usage
from trimtab.telemetry.conventions._usage import Counts, buckets

amount = st.integers(0, 10_000)
usages = st.builds(Usage, input=amount, cache_read=amount, cache_write=amount, output=amount, reasoning=amount)


def told(usage: Usage, *, with_cache: bool, with_reasoning: bool, total: bool) -> Counts:
    """What an emitter says of a usage whose input has the cache in it or not, its output the reasoning or not."""
    return Counts(
        input=usage.input + (usage.cache_read + usage.cache_write if with_cache else 0),
        output=usage.output + (usage.reasoning if with_reasoning else 0),
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
        total=usage.total() if total else None,
    )


@given(usages, st.booleans())
def test_counts_that_include_everything_come_apart_into_what_they_were_made_of(usage: Usage, total: bool) -> None:
    assert buckets(told(usage, with_cache=True, with_reasoning=True, total=total)) == usage


@given(usages, st.booleans(), st.booleans())
def test_where_the_emitter_tells_a_total_the_sum_of_the_buckets_is_that_total(
    usage: Usage, with_cache: bool, with_reasoning: bool
) -> None:
    found = buckets(told(usage, with_cache=with_cache, with_reasoning=with_reasoning, total=True))
    assert found is not None
    assert found.total() == usage.total()


@given(usages)
def test_an_emitter_that_is_known_to_leave_the_cache_out_is_taken_at_its_word(usage: Usage) -> None:
    counts = told(usage, with_cache=False, with_reasoning=True, total=False)
    counts.input_excludes_cache = True
    assert buckets(counts) == usage


@given(usages)
def test_no_bucket_is_ever_below_nothing_and_no_token_is_made_up(usage: Usage) -> None:
    counts = told(usage, with_cache=False, with_reasoning=False, total=False)
    found = buckets(counts)
    assert found is not None
    assert min(found.input, found.output) >= 0
    assert found.total() <= usage.total()


def test_nothing_told_is_no_usage_and_a_cache_write_may_be_told_by_its_parts_alone() -> None:
    assert buckets(Counts()) is None
    found = buckets(Counts(input=10, output=1, cache_write_5m=4, cache_write_1h=2, total=11))
    assert found == Usage(input=4, cache_write=6, output=1, cache_write_1h=2)
