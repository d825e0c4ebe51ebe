"""JSON was asked for, and what came does not parse.

Asked by ``response_format``, the answer must be JSON as it stands: that is what a program will read. Asked in words, an
answer with JSON in it (in a fence, between sentences) is let pass, and only one without any is told.
"""

import re
from typing import Final

import msgspec

from trimtab.llm.types import Text
from trimtab.telemetry.detectors import Detector, Finding, Memory, Said

_ASKED: Final = re.compile(
    r"\b(?:respond|reply|answer|return|output|produce|format your (?:answer|response|output))\b[^.\n]{0,40}?"
    r"\b(?:only|just|valid|strictly|in|as|with|using)\b[^.\n]{0,25}?\bjson\b(?! (?:file|parser|library|schema|web))",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"\b(?:function|script|program|class|code|endpoint|api|method|snippet)\b", re.IGNORECASE)
_FENCE: Final = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_STANDING: Final = ("system", "developer")
_decode: Final = msgspec.json.Decoder().decode


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    if said.format is not None and said.format.kind != "text":
        return _strict(said)
    question = said.question
    if "json" in question or "JSON" in question:
        if not _ASKED.search(question) or _CODE.search(question):
            return None
    elif not _in_system(said):
        return None
    return _tolerant(said)


def _in_system(said: Said) -> bool:
    for message in said.messages:
        if message.role not in _STANDING:
            break
        for part in message.parts:
            if not isinstance(part, Text):
                continue
            text = part.text
            if ("JSON" in text or "json" in text or "Json" in text) and _ASKED.search(text):
                return True
    return False


def _strict(said: Said) -> Finding | None:
    if said.calls or said.refused or not said.answer:
        return None  # a tool call instead is no JSON answer and no broken one; an empty answer is told as that
    why = _mistake(said.answer)
    if not why:
        return None
    if said.stop == "length":
        return Finding("cut_off", f"The output limit cut the JSON off: {why}.")
    if any(not _mistake(inner) for inner in _FENCE.findall(said.answer)):
        return Finding("fenced", "The JSON stands in a fence; as it stands, the answer does not parse.")
    return Finding("invalid", f"JSON was asked for, and the answer does not parse: {why}.")


def _tolerant(said: Said) -> Finding | None:
    answer = said.answer
    if said.calls or said.refused or not answer or not _mistake(answer):
        return None
    first = min((at for at in (answer.find("{"), answer.find("[")) if at >= 0), default=-1)
    last = max(answer.rfind("}"), answer.rfind("]"))
    candidates = [*_FENCE.findall(answer), answer[first : last + 1] if 0 <= first < last else ""]
    if any(each.strip() and not _mistake(each) for each in candidates):
        return None
    if first < 0:
        return Finding("prose", "JSON was asked for in words, and the answer has none.")
    if said.stop == "length":
        return Finding("cut_off", "The output limit cut the JSON off.")
    return Finding("invalid", f"JSON was asked for in words, and what is there does not parse: {_mistake(answer)}.")


def _mistake(text: str) -> str:
    """Why a text is no JSON; "" where it is."""
    try:
        _decode(text)
    except msgspec.DecodeError as error:
        return str(error).removeprefix("JSON is malformed: ")
    except (UnicodeEncodeError, RecursionError) as error:
        return type(error).__name__
    return ""


PLUG = Detector(version="1", about="JSON was asked for and does not parse", check=_check, alone=True)
