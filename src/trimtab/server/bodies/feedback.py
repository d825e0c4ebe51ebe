"""Bodies of the API about what users say of answers. What is read of it: `telemetry/scores/feedback_summary.py`."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.telemetry.feedback import Feedback

MOST: Final = 100
Feedbacks = Feedback | Annotated[list[Feedback], Meta(min_length=1, max_length=MOST)]
"""One user's word on one answer, or many: all are taken, or none."""


class Taken(Struct, frozen=True, kw_only=True):
    """The ids of the scores that the feedback became, durable. ``ids[n]`` are those of the n-th."""

    ids: list[list[str]]
