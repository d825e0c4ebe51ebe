"""Bodies of the management API about operating points of guards. Times are Unix milliseconds."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.guard.operating import OperatingPoint
from trimtab.guard.points import Checked
from trimtab.guard.types import Stage
from trimtab.server.bodies.guard import GuardView

Some = Annotated[str, Meta(min_length=1, max_length=100_000)]
Reference = Annotated[str, Meta(min_length=1, max_length=200)]
MOST_GIVEN = 2_000


class GuardTexts(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a threshold is chosen or checked on. ``sample``: so many of the newest recorded calls since ``since`` (the
    last 30 days), taken for harmless; 0 for none. ``benign`` and ``attacks`` are texts of your own, ``..._datasets``
    references (``NAME``, ``NAME@3``)."""

    sample: Annotated[int, Meta(ge=0, le=2_000)] = 500
    since: Annotated[int, Meta(ge=0, lt=1 << 43)] | None = None
    benign: Annotated[list[Some], Meta(max_length=MOST_GIVEN)] = []
    attacks: Annotated[list[Some], Meta(max_length=MOST_GIVEN)] = []


class ChooseGuardPoint(GuardTexts, kw_only=True, forbid_unknown_fields=True):
    """``max_false_positives`` is a share of harmless texts, 0.01 for 1 %. ``stage``: `input` if the guard looks there,
    else its first. ``apply`` makes a version with that threshold; ``message`` says why; ``expected_version`` is the one
    that it was made from."""

    max_false_positives: Annotated[float, Meta(ge=0, lt=1)]
    stage: Stage | None = None
    benign_datasets: Annotated[list[Reference], Meta(max_length=10)] = []
    attack_datasets: Annotated[list[Reference], Meta(max_length=10)] = []
    apply: bool = False
    message: Annotated[str, Meta(max_length=2_000)] = ""
    expected_version: Annotated[int, Meta(ge=0)] | None = None


class CheckGuardPoint(GuardTexts, kw_only=True, forbid_unknown_fields=True):
    """The datasets are those that it was chosen with, in the same versions; texts have to be given again. ``version``:
    the newest if left out."""

    version: Annotated[int, Meta(ge=1)] | None = None


class GuardPoint(Struct, frozen=True, kw_only=True):
    """``point`` is what the threshold that fits the budget does, ``now`` what the guard's own does on the same texts.
    ``traffic``: recorded calls that were judged; ``without_text``: those that had none at that stage, or whose text was
    not kept. ``say`` is all of it in a few sentences. ``guard`` is the version that has the threshold, where it was
    applied."""

    guard: GuardView | None
    stage: Stage
    detector: str
    point: OperatingPoint
    now: OperatingPoint
    traffic: int
    without_text: int
    benign_datasets: list[str]
    attack_datasets: list[str]
    say: str


class GuardPointCheck(Struct, frozen=True, kw_only=True):
    """``checked`` is kept with the version. While it is ``worse`` and the detector is that one, no release is made
    with this version."""

    guard: GuardView
    checked: Checked
    traffic: int
    without_text: int
