"""An answer that declines to do what was asked: by the provider's word for it, or by how it begins.

Only the beginning is looked at: refusals begin as such, and "I cannot" further down is mostly part of an answer. An
apology alone is none ("I'm sorry to hear that"): it must be followed by what the model will not do.
"""

import re
from typing import Final

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said

BEGINNING: Final = 260
_FIRST: Final = frozenset("IiUuSsAaMmEeLlJjDdTtWwNn'\"*抱我申")
"""What any of the patterns may begin with."""

_CANNOT: Final = (
    r"(?:can(?:'|’)?t|cannot|can not|am (?:not able|unable)|(?:'|’)m (?:not able|unable)|won(?:'|’)t|will not)"
)
_AN_AI: Final = r"(?:as an? [^,.]{0,30}?(?:ai|language model|assistant)[^,.]{0,20}, )?"
_DO: Final = (
    r"(?:(?:directly |actually )?(?:assist|help|comply|fulfill|fulfil|provide|create|write|generate|engage|participate|"
    r"support|share|offer|give|discuss|do that|do this|answer|respond|continue|complete|produce|promote|facilitate|"
    r"diagnose))"
)
_ENGLISH: Final = (
    rf"(?:no, )?(?:(?:i(?:'|’)m|i am|we(?:'|’)re)? ?(?:very |so |truly )?(?:sorry|afraid)[,.]? ?(?:but |that |and )?|"
    rf"(?:i |my )?apologi[sz]es?[^.,]{{0,40}}[,.] ?(?:but )?|unfortunately,? )?"
    rf"{_AN_AI}i ?{_CANNOT} (?:to )?{_DO}"
)
_OTHERS: Final = (
    r"(?:es )?tut mir (?:sehr )?leid, (?:aber |dass )?(?:ich|dabei|das|bei dieser)[^.]{0,40}(?:kann|nicht|helfen)",
    r"ich kann (?:dir|ihnen|diese|dieser|dabei|das)[^.]{0,40} nicht",
    r"lo siento, (?:pero )?no puedo",
    r"no puedo (?:ayudar|proporcionar|cumplir|responder|asistir)",
    r"(?:je suis )?d[ée]sol[ée]e?, (?:mais )?je ne (?:peux|suis) pas",
    r"je ne peux pas (?:vous |t')?(?:aider|fournir|répondre)",
    r"mi dispiace, (?:ma )?non posso",
    r"(?:sinto muito|desculpe), (?:mas )?(?:eu )?não posso",
    r"抱歉,?，?[^。]{0,8}(?:无法|不能)",
    r"我(?:无法|不能)(?:提供|帮助|协助|回答)",
    r"申し訳[^。]{0,20}(?:できません|できかねます)",
)
_REFUSES: Final = re.compile(rf"[\s\"'*]*(?:{_ENGLISH}|{'|'.join(_OTHERS)})", re.IGNORECASE)


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    if said.refused or said.stop == "refusal":
        return Finding("declared", "The provider marked the answer as a refusal.")
    if said.stop == "content_filter":
        return Finding("filtered", "The provider's content filter ended the answer.")
    answer = said.answer
    if not answer or answer[0] not in _FIRST:
        return None
    found = _REFUSES.match(answer, 0, BEGINNING)
    if found is None:
        return None
    return Finding("worded", f"It begins: {' '.join(found[0].split())[:160]!r}.")


PLUG = Detector(version="1", about="Declines to do what was asked", check=_check, alone=True)
