"""Whether the answer begins, and ends, as it should."""

from msgspec import Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts, plain
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``starts`` must stand first, one of ``ends`` last; without both, what the case expects must stand
    first."""

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    ignore_case: bool = False
    strip: bool = True


def _judge(sample: Sample, options: Options) -> Verdict:
    starts = options.starts or (() if options.ends else tuple(expected_texts(sample)))
    if not starts and not options.ends:
        return CannotScore(reason="starts_with needs a beginning: in its options, or as what the case expects.")
    first, last = (
        tuple(plain(text, ignore_case=options.ignore_case, strip=False) for text in texts)
        for texts in (starts, options.ends)
    )
    answer = plain(sample.output or "", ignore_case=options.ignore_case, strip=options.strip)
    begins, ends = not first or answer.startswith(first), not last or answer.endswith(last)
    parts = ([] if begins else [f"begins with {answer[:40]!r}"]) + ([] if ends else [f"ends with {answer[-40:]!r}"])
    return Scored(value=float(begins and ends), explanation=f"The answer {' and '.join(parts)}." if parts else "")


PLUG = Rule(
    name="starts_with",
    version="1",
    about="The answer begins, and ends, with one of the given texts.",
    options=Options,
    judge=_judge,
    most=1_000_000,
)
