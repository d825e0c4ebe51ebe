"""The one plug mechanism.

A plug is one module: its file name is the plug's name, and the object it offers stands in it under one agreed
attribute (``PLUG``). Ours are found as the modules of a package; strangers' by entry point in the group
``trimtab.<kind>``. There is no list to keep in step and no ``elif`` to extend.
"""

import importlib
import pkgutil
from importlib import metadata
from typing import Generic, TypeVar, cast

from trimtab.core.errors import NotFound

T = TypeVar("T")
ATTRIBUTE = "PLUG"


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
            raise NotFound(f"There is no {self.kind} named {name!r}.", fix=f"Use one of: {', '.join(self.names())}.")
        if name in self._foreign:
            return cast("T", self._foreign[name].load())
        return cast("T", getattr(importlib.import_module(f"{self.package}.{name}"), ATTRIBUTE))
