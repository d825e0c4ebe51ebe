"""What the readers of the config file's sections are handed: values that know their lines, and a way to refuse one."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Refuse = Callable[[int, str, str], None]
"""Called with the line, what is wrong there, and how to write it."""


class Value(Protocol):
    """A value of the file and its lines (`config/file.py`)."""

    @property
    def value(self) -> Any: ...
    @property
    def line(self) -> int: ...
    @property
    def key_line(self) -> int: ...


class TreeAt(Value, Protocol):
    """A tree, and what stands beside it below the same name."""

    @property
    def beside(self) -> Mapping[str, Value]: ...
