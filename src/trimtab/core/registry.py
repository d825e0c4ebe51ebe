"""The one plug mechanism.

A plug is one module: its file name is the plug's name, and the object it offers stands in it under one agreed
attribute (``PLUG``). Ours are found as the modules of a package; strangers' by entry point in the group
``trimtab.<kind>``. There is no list to keep in step and no ``elif`` to extend.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Sequence
from importlib import metadata
from typing import Generic, TypeVar, cast

from trimtab.core.errors import NotFound

T = TypeVar("T")
ATTRIBUTE = "PLUG"


MANY = 12
"""So many names are still read when they are told; of more only those that were perhaps meant."""


def meant(name: str, known: Sequence[str], everything: str = "") -> str:
    """What to do about a name that is not among the known ones, in a sentence or two: which may have been meant, and
    where there are few, all. ``everything`` says how to see all of many."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    near += [each for each in known if len(name) > 2 and name in each and each not in near][: 3 - len(near)]
    if len(known) <= MANY or not (near or everything):
        return f"Use one of: {', '.join(known)}."
    asked = f"Did you mean {' or '.join(near)}?" if near else ""
    return " ".join(filter(None, (asked, everything and f"{everything} shows all {len(known)}.")))


class Registry(Generic[T]):
    """Plugs of one kind, loaded when first asked for.

    ``package`` is the dotted name of the package whose modules are plugs (names starting with ``_`` are not);
    ``kind`` names the entry-point group ``trimtab.<kind>``. A stranger may not take the name of one of ours.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._loaded: dict[str, T] = {}
        self._names: tuple[str, ...] | None = None
        self._foreign: dict[str, metadata.EntryPoint] = {}

    def names(self) -> tuple[str, ...]:
        """Every plug's name, sorted."""
        if self._names is None:
            package = importlib.import_module(self.package)
            own = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
            found = metadata.entry_points(group=f"trimtab.{self.kind}")
            self._foreign = {point.name: point for point in found if point.name not in own}
            self._names = tuple(sorted(own | self._foreign.keys()))
        return self._names

    def get(self, name: str) -> T:
        """The plug of that name; `NotFound` names the ones there are."""
        plug = self._loaded.get(name)
        if plug is None:
            plug = self._loaded[name] = self._load(name)
        return plug

    def all(self) -> dict[str, T]:
        """Every plug by name, loaded."""
        return {name: self.get(name) for name in self.names()}

    def _load(self, name: str) -> T:
        if name not in self.names():
            raise NotFound(f"There is no {self.kind} named {name!r}.", fix=meant(name, self.names()))
        if name in self._foreign:
            return cast("T", self._foreign[name].load())
        return cast("T", getattr(importlib.import_module(f"{self.package}.{name}"), ATTRIBUTE))
