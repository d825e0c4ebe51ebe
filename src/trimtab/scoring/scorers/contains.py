"""Whether certain texts stand in the answer: all of these, any of those, none of a third list."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts, plain
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

_Texts = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=200)]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without any of the three lists, the case's expected text or list of texts is ``all``. ``whole_words``: "cat"
    does not stand in "category". ``partial``: the share of the conditions that hold, instead of all or nothing."""

    all: _Texts = ()
    any: _Texts = ()
    none: _Texts = ()
    ignore_case: bool = True
    whole_words: bool = False
    partial: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    every = options.all
    if not (options.all or options.any or options.none):
        every = tuple(text for text in expected_texts(sample) if text)
        if not every:
            return CannotScore(reason="contains needs texts: in its options, or as what the case expects.")
    answer = plain(sample.output or "", ignore_case=options.ignore_case)
    missing = [text for text in every if not _stands(text, answer, options)]
    present = [text for text in options.none if _stands(text, answer, options)]
    lacks_any = bool(options.any) and not any(_stands(text, answer, options) for text in options.any)
    conditions = len(every) + len(options.none) + bool(options.any)
    broken = len(missing) + len(present) + lacks_any
    return Scored(
        value=1 - broken / conditions if options.partial else float(broken == 0),
        explanation=_told(missing, present, options.any if lacks_any else ()),
        detail={"missing": missing, "present": present, "lacks_any": lacks_any},
    )


def _stands(text: str, answer: str, options: Options) -> bool:
    wanted = plain(text, ignore_case=options.ignore_case)
    if not options.whole_words:
        return wanted in answer
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", answer) is not None


def _told(missing: list[str], present: list[str], any_of: tuple[str, ...]) -> str:
    parts = [f"lacks {', '.join(map(repr, missing[:5]))}"] if missing else []
    parts += [f"has none of {', '.join(map(repr, any_of[:5]))}"] if any_of else []
    parts += [f"has {', '.join(map(repr, present[:5]))}, which must not stand there"] if present else []
    return f"The answer {' and '.join(parts)}." if parts else ""


PLUG = Rule(
    name="contains",
    version="1",
    about="The answer has all, any or none of certain texts.",
    options=Options,
    judge=_judge,
    most=1_000_000,
)
