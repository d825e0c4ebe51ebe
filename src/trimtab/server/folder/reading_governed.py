"""Files of guards, policies and datasets, and the sections about data, to what they declare. Pure but for the engine
that reads policies."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.datasets import check_name as check_dataset
from trimtab.governance import data_classes, policy_text
from trimtab.governance.data_classes import Classes
from trimtab.governance.policy_eval import check_name as check_access
from trimtab.guard import spec as guards
from trimtab.guard.types import GuardSpec
from trimtab.server.bodies.guard import RefusalView
from trimtab.server.config.reading import Reading, Tree
from trimtab.server.config.routes import Plain, line_of
from trimtab.server.folder import governed
from trimtab.server.folder.fields import FILE
from trimtab.server.folder.governed import MOST_CASES, AccessSpec, AccessTerms, DataSection
from trimtab.server.folder.items import Item

GUARDS: Final = "guards/"
POLICIES: Final = "policies/"
DATASETS: Final = "datasets/"
YAML: Final = ".yaml"
CEDAR: Final = ".cedar"
JSONL: Final = ".jsonl"

Refuse = Callable[[str, int, str, str], None]
"""Path, line, what is wrong, how to mend it."""


class Read(Struct, frozen=True, kw_only=True):
    """A file of one thing: its value, and on which line what of it stands."""

    name: str
    value: dict[str, Any]
    lines: Mapping[str, int]


ReadFile = Callable[[str, str, str, str, Callable[[str], None]], Read | None]
"""Reads a YAML file whole: path, text, what is above it, its ending, what its name must be."""
Converted = Callable[[Any, type[Any], Mapping[str, int], str, str], Any]
"""A plain value as a type, None where it is refused: value, type, lines, path, what it is."""


class Governed:
    """``add`` takes an item, ``refuse`` a mistake."""

    def __init__(self, add: Callable[[Item], None], refuse: Refuse, read: ReadFile, converted: Converted) -> None:
        self._add = add
        self._refuse = refuse
        self._read = read
        self._converted = converted
        self._texts: dict[str, tuple[str, str]] = {}
        self._terms: dict[str, tuple[str, AccessTerms]] = {}

    def _tried(self, path: str, lines: Mapping[str, int], check: Callable[[], Any]) -> bool:
        try:
            check()
        except InvalidRequest as error:
            self._refuse(path, line_of(error.param or "", lines), error.message, error.fix)
            return False
        return True

    # --- guards/*.yaml ---

    def guard(self, path: str, text: str) -> None:
        read = self._read(path, text, GUARDS, YAML, guards.check_name)
        if read is None:
            return
        spec = self._converted(read.value, GuardSpec, read.lines, path, "A guard")
        if spec is not None and self._tried(path, read.lines, lambda: guards.check(spec)):
            self._add(governed.guard_item(read.name, spec, path))

    # --- policies/*.cedar, and policies/*.yaml beside them ---

    def policies(self, path: str, text: str) -> None:
        name = path.removeprefix(POLICIES).removesuffix(CEDAR)
        if not self._tried(path, {"": 1}, lambda: check_access(name)):
            return
        found = policy_text.mistakes(text)
        for each in found:
            self._refuse(path, each.line, each.message, each.fix)
        if not found:
            self._texts[name] = (path, text.replace("\r\n", "\n"))

    def policy_terms(self, path: str, text: str) -> None:
        read = self._read(path, text, POLICIES, YAML, check_access)
        terms = None if read is None else self._converted(read.value, AccessTerms, read.lines, path, "A set")
        if read is not None and terms is not None:
            self._terms[read.name] = (path, terms)

    def finish(self) -> None:
        """Put together what stands in two files."""
        for name, (path, text) in self._texts.items():
            _, terms = self._terms.pop(name, ("", AccessTerms()))
            self._add(governed.access_item(name, AccessSpec(text=text, terms=terms), path))
        for name, (path, _) in self._terms.items():
            what = f"There are no policies that this is about: {POLICIES}{name}{CEDAR} is not there, or is wrong."
            self._refuse(path, 1, what, "Write them in that file, or remove this one.")

    # --- datasets/*.jsonl ---

    def dataset(self, path: str, text: str) -> None:
        name = path.removeprefix(DATASETS).removesuffix(JSONL)
        if not self._tried(path, {"": 1}, lambda: check_dataset(name)):
            return
        seen: dict[str, int] = {}
        cases: list[Any] = []
        wrong = False
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            if not line.strip():
                continue
            try:
                case = governed.read_case(line)
            except InvalidRequest as error:
                self._refuse(path, number, error.message, error.fix)
                wrong = True
                continue
            if case.id in seen:
                what = f"The case {case.id[:80]!r} stands on line {seen[case.id]}, too."
                self._refuse(path, number, what, "Give it another id, or keep one.")
                wrong = True
            seen[case.id] = number
            cases.append(case)
            if len(cases) > MOST_CASES:
                self._refuse(path, number, f"It has more than {MOST_CASES:,} cases.", "Use: trimtab datasets import")
                return
        if not cases and not wrong:
            self._refuse(path, 1, "It has no case.", 'Write one per line, e.g. {"input": "Where is my order?"}.')
        elif not wrong:
            self._add(governed.dataset_item(name, cases, path))

    # --- trimtab.yaml: refusals, data ---

    def refusals(self, reading: Reading, tree: Tree) -> None:
        found = cast("Tree", tree["refusals"].value) if "refusals" in tree else {}
        for name, at in found.items():
            new = governed.refusal_of(name, str(at.value))
            try:
                msgspec.convert(
                    {"name": new.name, "app": new.app, "language": new.language, "text": new.text}, RefusalView
                )
            except msgspec.ValidationError as error:
                fix = "Write TEMPLATE, TEMPLATE@APP, TEMPLATE/LANGUAGE or TEMPLATE@APP/LANGUAGE, e.g. default/de."
                reading.refuse(at.key_line, f"The refusal {name[:80]!r}: {error}.", fix)
                continue
            if "\0" in new.text:
                reading.refuse(at.key_line, f"The refusal {name[:80]!r} holds a NUL.", "Leave it out.")
                continue
            self._add(governed.refusal_item(new, FILE, at.key_line))

    def data(self, reading: Reading, tree: Tree) -> None:
        found = cast("Tree", tree["data"].value) if "data" in tree else {}
        plain, value = Plain(reading.refuse), dict[str, Any]()
        plain.lines[""] = 1
        for key, at in found.items():
            plain.lines[key] = at.key_line
            value[key] = plain.of(at.value, key, 1)
        if plain.refused or not value:
            return
        spec = cast("DataSection | None", self._converted(value, DataSection, plain.lines, FILE, "The section 'data'"))
        if spec is not None:
            self._data(spec, plain.lines)

    def _data(self, spec: DataSection, lines: Mapping[str, int]) -> None:
        if spec.classes is not None or spec.standard is not None:
            self._classes(spec, line_of("classes", lines))
        for subject, marked in (("app", spec.apps), ("dataset", spec.datasets)):
            for name, data_class in marked.items():
                line = line_of(f"{subject}s.{name}", lines)
                if self._named(subject, name, line):
                    self._add(governed.mark_item(subject, name, data_class, FILE, line))
        for subject, stated in (("provider", spec.providers), ("model", spec.models)):
            for name, terms in stated.items():
                line = line_of(f"{subject}s.{name}", lines)
                if self._named(subject, name, line):
                    self._add(governed.terms_item(subject, name, terms, FILE, line))

    def _named(self, subject: str, name: str, line: int) -> bool:
        return self._tried(FILE, {"": line, "name": line}, lambda: data_classes.check_name(subject, name))

    def _classes(self, spec: DataSection, line: int) -> None:
        order = Classes().order if spec.classes is None else spec.classes
        usual = Classes().standard if Classes().standard in order else ""
        classes = Classes(order=order, standard=usual if spec.standard is None else spec.standard)
        if self._tried(FILE, {"": line}, lambda: data_classes.check_classes(classes)):
            self._add(governed.classes_item(classes, FILE, line))
