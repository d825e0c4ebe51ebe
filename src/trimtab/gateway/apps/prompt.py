"""A release's prompt rendered for a call, within bounds that keep it from holding up other calls.

What a template costs cannot be known before. So it is rendered on the event loop with a small budget of steps first
(`AT_ONCE`: two milliseconds at the most, measured), and where that is not enough, in a thread with the whole one, few
at a time. A template that was not done in time goes to a thread at once, until it was quick there. A prompt whose
values are always the same is rendered once.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import Unavailable
from trimtab.gateway.apps.rendering import Renderers
from trimtab.prompts.budget import BOUNDS, Bounds
from trimtab.prompts.types import Bundle, PromptError

if TYPE_CHECKING:
    from trimtab.prompts.render import Compiled

AT_ONCE: Final = Bounds(steps=3_000, size=200_000, items=2_000)
"""By steps and not by time, so that a busy machine changes nothing: time is for what hangs."""
QUICK_S: Final = 0.001
"""Of a thread's own time: what was rendered in less may be tried on the event loop again."""
SMALL: Final = 32 * 1024
"""Bytes of variables as JSON up to which a prompt is rendered on the event loop first."""
_OVER: Final = frozenset(("prompt_too_much_work", "prompt_too_slow", "prompt_too_large"))
Json = dict[str, Any]


class Said(Struct, frozen=True):
    """What a prompt says in one call: messages before the client's own and after them, as Chat Completions has
    them."""

    before: tuple[Json, ...] = ()
    after: tuple[Json, ...] = ()


class Prompt:
    """The prompt of a release. ``fixed`` are values its variables always have; ``policy`` is the release's.

    Raises `PromptError` for templates that do not hold when it is made; ``lazily``, which names the
    release, `Unavailable` when it is first rendered, which then is done in a thread. A prompt takes some ten
    milliseconds to compile, and of hundreds that are placed few are called soon after a start."""

    def __init__(self, bundle: Bundle, fixed: Mapping[str, Any], policy: Json, *, lazily: str = "") -> None:
        source = bundle.prompt
        self.name = f"{source.name}@{source.version}"
        self.fixed = dict(fixed)
        content = replace(source.content, policy=policy)
        self._bundle = replace(bundle, prompt=replace(source, content=content))
        self._lazily = lazily
        self._made: Compiled | None = None
        if not lazily:
            self._compiled()
        self._slots = tuple(message.messages for message in content.messages)
        self._only: Said | None = None
        self._heavy = False

    @property
    def variables(self) -> tuple[str, ...]:
        """Those that a caller may give."""
        return tuple(name for name in self._compiled().variables if name not in self.fixed)

    def _compiled(self) -> "Compiled":
        """Two threads may both make it: the same, and one is kept."""
        if self._made is None:
            from trimtab.prompts.render import Compiled  # Jinja2 comes with it; most servers start without a prompt

            try:
                self._made = Compiled(self._bundle)
            except PromptError as error:
                if not self._lazily:
                    raise
                raise Unavailable(  # no client's doing: the release was made by who checked less
                    f"{self._lazily} cannot be used: {error.sentence()}",
                    fix="Place another release.",
                    code="release_broken",
                    retryable=False,
                ) from error
        return self._made

    def at_once(self, given: Mapping[str, Any], size: int) -> Said | None:
        """The messages, where that is quick; None where `aside` must make them. ``size``: bytes of what was given.
        Raises `PromptError`."""
        if not given and self._only is not None:
            return self._only
        if size > SMALL or self._heavy or self._made is None:
            return None
        try:
            said = self._render(given, AT_ONCE)
        except PromptError as error:
            if error.code in _OVER:
                self._heavy = True
                return None
            raise
        if not given:
            self._only = said
        return said

    async def aside(self, given: Mapping[str, Any], few: Renderers, who: str = "") -> Said:
        """The same in a thread, with all that one rendering may use; ``who`` waits for it. Raises `PromptError`, and
        `Unavailable` where too many wait."""
        await few.enter(who)
        # A thread cannot be stopped: a caller who leaves must not make room for another beside it.
        work = asyncio.get_running_loop().run_in_executor(None, self._measured, given)
        work.add_done_callback(lambda done: _ended(done, few))
        said, took_s = await asyncio.shield(work)
        self._heavy = took_s > QUICK_S
        if not given:
            self._only = said
        return said

    def _measured(self, given: Mapping[str, Any]) -> tuple[Said, float]:
        self._compiled()  # done once, and says nothing of how long calls take
        began = time.thread_time()
        return self._render(given, BOUNDS), time.thread_time() - began

    def _render(self, given: Mapping[str, Any], bounds: Bounds) -> Said:
        values = {**given, **self.fixed}
        open_slot = next((name for name in self._slots if name and name not in values), None)
        if open_slot is not None:  # the client's own messages go there; the template sees that none were given
            values |= {name: [] for name in self._slots if name and name not in values}
        messages = self._compiled().render(values, bounds, time.monotonic).messages
        if open_slot is None:
            return Said(tuple(messages))
        place = 0
        for name in self._slots:
            if name == open_slot:
                break
            place += len(values[name]) if name else 1
        return Said(tuple(messages[:place]), tuple(messages[place:]))


def _ended(work: asyncio.Future[Any], few: Renderers) -> None:
    few.leave()
    if not work.cancelled():
        work.exception()  # seen: whoever waited may be gone
