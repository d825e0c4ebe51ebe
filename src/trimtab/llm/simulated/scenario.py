"""What a simulated provider shall do, as one value, and how a call asks for it."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

FAULTS = {
    "none": "answer as the vendor does",
    "reset": "reset the TCP connection: before the answer, or after `after` stream events",
    "stall": "say nothing more until the client leaves: before the answer, or after `after` stream events",
    "half_line": "send a part of the event after `after` events, then end as if all were well",
    "cut": "end the stream cleanly after `after` events, before its end",
    "drip": "send the answer byte by byte, `delay_ms` apart",
    "split": "send the answer in pieces that cut characters of several bytes in two",
    "html": "a proxy's error page with status 502",
    "garbage": "a login page with status 200",
    "stream_error": "an error event in the stream after `after` events",
    "huge": "one event, or one answer, of `bytes` bytes of text",
}
"""Besides these, a number from 400 to 599 answers with that status and the vendor's error body."""

DEFECTS = {
    "": "none",
    "forgets": "know nothing of the turns before the last",
    "ignores_system": "know nothing of the system prompt",
    "ignores_stop": "go on past stop sequences",
    "ignores_bound": "go on past the bound on tokens",
    "ignores_results": "know nothing of what tools gave",
    "one_call": "call one tool at a time",
    "loose_schema": "leave out the last member that a JSON schema demands",
    "no_thinking": "never think, whatever is asked for",
    "garbles": "take UTF-8 for Latin-1",
    "blind": "see every picture as green",
    "ends_early": "stop in the middle of a long answer, as if it were whole",
    "drops_event": "leave out the stream event after `after` events",
}
"""What a model or its server does wrong although nothing breaks: what `trimtab conformance` is there to find."""


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tokens`` fixes the length of a text answer; ``delay_ms`` is between two events, ``first_ms`` before the first.

    ``cached``, ``cache_write``, ``reasoning`` are token counts to report, ``compacted`` what Anthropic read to sum the
    conversation up before it answered; ``calls`` is how many tool calls are made;
    ``reasoning_text`` makes the OpenAI side stream ``reasoning_content`` as DeepSeek does; ``arguments`` stands in for
    the tool arguments (to be cut off or invalid); ``usage=false`` tells no usage where the vendor may leave it out;
    ``defect`` is one of `DEFECTS`. ``gullible``: it does what a text tells it to, whoever wrote that, and recites its
    instructions to whoever asks for them. ``tier`` is in which it says that it worked (as a vendor may lower what was
    asked for); by default in the one that was asked for.
    """

    fault: str = "none"
    after: int = 0
    tokens: int | None = None
    delay_ms: float = 0
    first_ms: float = 0
    retry_after: str | None = None
    bytes: int = 2_000_000
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    compacted: int = 0
    reasoning: int = 0
    calls: int = 1
    text: str | None = None
    reasoning_text: str | None = None
    arguments: str | None = None
    usage: bool = True
    message: str | None = None
    defect: str = ""
    gullible: bool = False
    tier: str | None = None

    def __post_init__(self) -> None:
        if self.defect not in DEFECTS:
            raise ValueError(f"There is no defect {self.defect!r}; use one of {', '.join(filter(None, DEFECTS))}.")
        if self.fault not in FAULTS and not (self.fault.isdigit() and 400 <= int(self.fault) <= 599):
            raise ValueError(f"There is no fault {self.fault!r}; use one of {', '.join(FAULTS)}, or 400 to 599.")

    @property
    def status(self) -> int:
        """The error status asked for, else 200."""
        return int(self.fault) if self.fault.isdigit() else 200


def read_model(model: str, base: Scenario) -> tuple[str, Scenario]:
    """``gpt-4o-mini?tokens=5`` is the model ``gpt-4o-mini`` and what is asked of it. Raises `ValueError`."""
    name, mark, wishes = model.partition("?")
    return name, read_wishes(wishes, base) if mark else base


def read_wishes(wishes: str, base: Scenario) -> Scenario:
    """``fault=stall&after=3`` on top of ``base``. Raises `ValueError` for a wish there is not."""
    asked: dict[str, Any] = msgspec.to_builtins(base) | dict(parse_qsl(wishes, keep_blank_values=True))
    try:
        return msgspec.convert(asked, Scenario, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
