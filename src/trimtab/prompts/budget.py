"""What one rendering may use: steps, time and size. Every loop, call, filter and operator of a template pays here,
before or right after it is done, and no single one of them can be large: so the bounds hold without a process of
their own.

A value is charged by what it would be written out, not by what it holds in memory: a list that holds itself twice,
twenty times over, is a million items to whoever writes or compares it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

from msgspec import Struct

from trimtab.prompts.types import PromptError


class Bounds(Struct, frozen=True, kw_only=True):
    """``steps``: one for each round of a loop, call, filter or operator, and one for every 16 characters or one item
    that it makes. ``size``: characters of one value, and of everything that is rendered."""

    steps: int = 1_000_000
    seconds: float = 2.0
    size: int = 1_000_000
    items: int = 50_000
    depth: int = 40


BOUNDS: Final = Bounds()
MAX_BITS: Final = 4096
"""Of a whole number."""


def too_many_digits() -> PromptError:
    return PromptError("A number becomes too large.", fix="Reckon outside.", code="prompt_too_large")


class Budget:
    """Of one rendering. ``clock`` gives seconds, ``worked`` those that its thread had a processor: what counts, for a
    machine with other things to do makes no template slower. Whoever has not been there for so long cannot have
    worked so long, and the clock is the cheaper one to ask."""

    __slots__ = ("_began", "_clock", "_end", "_left", "_worked", "bounds", "size")

    def __init__(self, bounds: Bounds, clock: Callable[[], float], worked: Callable[[], float]) -> None:
        self.bounds = bounds
        self._clock = clock
        self._worked = worked
        self._began = worked()
        self._end = clock() + bounds.seconds
        self._left = bounds.steps
        self.size = bounds.size

    def pay(self, steps: int = 1) -> None:
        """Raises `PromptError` when there is nothing left."""
        self._left -= steps
        if self._left < 0:
            raise PromptError(
                f"The template takes more than {self.bounds.steps:,} steps.",
                fix="Loop over less, or prepare the text outside and give it as a variable.",
                code="prompt_too_much_work",
            )
        if self._clock() > self._end:
            self._look_closely()

    def _look_closely(self) -> None:
        left = self.bounds.seconds - (self._worked() - self._began)
        if left <= 0:
            raise PromptError(
                f"The template takes longer than {self.bounds.seconds:g} s.",
                fix="Loop over less, or prepare the text outside and give it as a variable.",
                code="prompt_too_slow",
            )
        self._end = self._clock() + left

    def room(self, characters: int) -> None:
        """Raises `PromptError` where a text of that length would be too long; asked before it is made."""
        if characters > self.size:
            raise PromptError(
                f"The template makes a text of more than {self.size:,} characters.",
                fix="Give less, or cut it with the filter 'truncate'.",
                code="prompt_too_large",
            )

    def charge(self, value: Any) -> Any:
        """Pay for a value that was made; returns it. A lazy one is paid for as it is used."""
        if isinstance(value, str):
            self.room(len(value))
            self.pay(1 + (len(value) >> 4))
        elif isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise too_many_digits()
        elif isinstance(value, list | tuple | dict):
            self.pay(1 + self._weigh(cast("Iterable[Any]", value)))
        elif isinstance(value, Iterator):
            return self.counted(cast("Iterable[Any]", value))
        else:
            self.pay()
        return cast("Any", value)

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.pay()
            yield value

    def _weigh(self, value: Iterable[Any]) -> int:
        items = characters = 0
        waiting: list[tuple[Any, int]] = [(value, 1)]
        while waiting:
            found, depth = waiting.pop()
            if isinstance(found, str):
                characters += len(found)
                continue
            items += 1
            if found is not None and not isinstance(found, list | tuple | dict | int | float):
                raise PromptError(
                    "A list or object of a template holds values only.",
                    fix="Take out what is a function, or has no value here.",
                )
            if isinstance(found, list | tuple | dict):
                inner = cast("list[Any] | dict[str, Any]", found)
                items += len(inner)
                self._bounded(items, depth)
                if isinstance(inner, dict):
                    waiting.extend((each, depth + 1) for each in inner)
                    waiting.extend((each, depth + 1) for each in inner.values())
                else:
                    waiting.extend((each, depth + 1) for each in inner)
        self.room(characters)
        return items + (characters >> 4)

    def _bounded(self, items: int, depth: int) -> None:
        if items > self.bounds.items or depth > self.bounds.depth:
            raise PromptError(
                f"The template makes a value of more than {self.bounds.items:,} items or {self.bounds.depth} levels.",
                fix="Prepare it outside and give it as a variable.",
                code="prompt_too_large",
            )
