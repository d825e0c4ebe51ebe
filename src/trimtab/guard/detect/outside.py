"""What programs outside of this process say of texts, read with distrust: names that are words, places that stand in
the text, numbers that are scores."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from trimtab.core.errors import TrimtabError
from trimtab.guard.types import CannotTell, Tools

NAMED: Final = "[a-z0-9][a-z0-9._-]{0,63}"
MOST: Final = 200_000
"""Characters of all texts of one look that leave for a service."""
MOST_FINDINGS: Final = 10_000
_WORD: Final = re.compile(r"(?!(?:[^0-9]*[0-9]){4})[A-Za-z][A-Za-z0-9_.:-]{0,59}")
"""Letters for the most part: what has four digits is rather a number of somebody's."""
_LONG: Final = 12


def word(told: str, texts: Sequence[str] = ()) -> str:
    """A label or kind as verdicts keep it; ``finding`` for one that is no word, or a long one of the ``texts``: what a
    service quotes is not kept."""
    quoted = len(told) >= _LONG and any(told in text for text in texts)
    return told.lower() if _WORD.fullmatch(told) and not quoted else "finding"


async def asked(service: str, body: object, tools: Tools) -> bytes | CannotTell:
    """The service's answer, or why there is none."""
    if tools.reach is None:
        return CannotTell(reason=f"The guard service {service!r} cannot be reached from here.")
    try:
        return await tools.reach(service, msgspec.json.encode(body))
    except TrimtabError as error:
        return CannotTell(reason=error.message)
