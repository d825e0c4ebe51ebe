"""Files of a folder, as they are read from disk or sent by the command line, to what they declare. Every mistake of
every file is noted with its place; whether what is named is there on the server is `checking.py`'s to see."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec
import yaml
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.suites import check as check_suite
from trimtab.evaluation.suites import check_name as check_suite_name
from trimtab.evaluation.suites import named as suite_dataset
from trimtab.evaluation.types import SuiteSpec
from trimtab.gateway.routing.check import Known
from trimtab.gateway.routing.types import Route
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.governance.projects import check_slug
from trimtab.prompts import canonical
from trimtab.prompts.check import check as check_templates
from trimtab.prompts.file import load_yaml
from trimtab.prompts.file import read as read_prompt
from trimtab.prompts.types import LATEST, SUFFIX, PromptError, PromptFile
from trimtab.releases import freeze, protection
from trimtab.releases.apps import check_name as check_app
from trimtab.releases.types import ENVIRONMENT, AppSpec, Protection
from trimtab.server.config.limits import read_limits
from trimtab.server.config.models import check_fallbacks, read_model
from trimtab.server.config.policies import read_policies
from trimtab.server.config.prices import dated_price
from trimtab.server.config.reading import Mistake, Reading, Tree, no_yaml
from trimtab.server.config.routes import Plain, ReadRoute, line_of, routes_of, told
from trimtab.server.config.values import Refuse
from trimtab.server.folder import bounds, items
from trimtab.server.folder.fields import DEFAULT_NAME, ELSEWHERE, FILE, FOLDER
from trimtab.server.folder.items import EnvironmentSpec, Item, Key
from trimtab.server.folder.reading_governed import CEDAR, DATASETS, GUARDS, JSONL, POLICIES, YAML, Governed, Read
from trimtab.server.freezing import gateway_with

APPS: Final = "apps/"
APP_SUFFIX: Final = ".yaml"
PROMPTS: Final = "prompts/"
SUITES: Final = "suites/"
SUITE_SUFFIX: Final = ".yaml"
_FILES: Final = (
    f"{FILE}, {PROMPTS}*{SUFFIX}, {APPS}*{APP_SUFFIX}, {SUITES}*{SUITE_SUFFIX}, {GUARDS}*{YAML}, {POLICIES}*{CEDAR} "
    f"(and *{YAML}) and {DATASETS}*{JSONL}"
)
_EXAMPLES: Final = {
    "app": "'prompt: support'", "suite": "'dataset: questions'", "guard": "'kind: pii'",
    "policy": "'otherwise: deny'",
}  # fmt: skip
_SHAPES: Final = gateway_with(ProjectTargets(), {})
"""Judges routes and policies of drafts by their shape alone."""
LONGEST: Final = 512 * 1024
"""Characters of trimtab.yaml."""
MOST_FILES: Final = 5_000
MOST_MISTAKES: Final = 100
"""Files are read no further after so many: one that is no YAML at all may cost a fifth of a second to find out."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_AT = re.compile(r" - at `\$\.?(.*)`$")


class FolderRefused(InvalidRequest):
    """Every mistake of a folder, by file and line."""

    code = "folder_refused"

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda each: (each.path, each.line))
        count = len(mistakes)
        head = f"The folder has {f'{count} mistakes' if count > 1 else 'a mistake'}:"
        super().__init__("\n".join((head, *(f"  {each}" for each in self.mistakes))), param="files")


class Folder(Struct, frozen=True, kw_only=True):
    """What the files declare, by kind and name. ``project`` is empty where they do not say; ``prompts`` are those among
    the items, as files say them, and ``routes`` with the lines of their nodes. With ``mistakes`` it is not whole."""

    name: str = DEFAULT_NAME
    project: str = ""
    items: dict[Key, Item] = {}
    prompts: dict[str, PromptFile] = {}
    routes: dict[str, ReadRoute] = {}
    mistakes: tuple[Mistake, ...] = ()

    def sound(self) -> "Folder":
        """Itself. Raises `FolderRefused`."""
        if self.mistakes:
            raise FolderRefused(list(self.mistakes))
        return self


def read_folder(files: Mapping[str, str]) -> Folder:
    """By path below the folder, with ``/`` between. Never raises: what is wrong is in ``mistakes``."""
    reader = _Reader()
    if len(files) > MOST_FILES:
        reader.refuse(FILE, 1, f"The folder has more than {MOST_FILES:,} files.", "Split it.")
        return reader.folder()
    if much := bounds.over(files, (APP_SUFFIX,)):
        reader.refuse(FILE, 1, much, "Split the folder in two.")
        return reader.folder()
    if FILE not in files:
        reader.refuse(FILE, 1, f"There is no {FILE} in this folder.", "Make one; 'name: main' is enough.")
    for path in sorted(files):
        if reader.is_full():
            reader.refuse(path, 1, "What follows was not read, after so many mistakes.", "Mend these first.")
            break
        if path == FILE:
            reader.top(files[path])
        elif path.startswith(PROMPTS) and path.endswith(SUFFIX):
            reader.prompt(path, files[path])
        elif path.startswith(APPS) and path.endswith(APP_SUFFIX):
            reader.app(path, files[path])
        elif path.startswith(SUITES) and path.endswith(SUITE_SUFFIX):
            reader.suite(path, files[path])
        elif not reader.governed_file(path, files[path]):
            reader.refuse(path, 1, "This is no file of a folder of Trimtab.", f"Files are {_FILES}.")
    return reader.folder()


class _WholeFile(Read, frozen=True, kw_only=True):
    refuse: Refuse


class _Everything(frozenset[str]):
    """A set that has every name: where nobody can say which there are."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)


ANYTHING: Final = Known(models=_Everything(), providers=_Everything(), is_local=lambda _name, _trusted: True)
"""What a folder may name as far as its files can tell."""


class _Reader:
    def __init__(self) -> None:
        self._name = DEFAULT_NAME
        self._project = ""
        self._items: dict[Key, Item] = {}
        self._prompts: dict[str, PromptFile] = {}
        self._routes: dict[str, ReadRoute] = {}
        self._mistakes: list[Mistake] = []

        self._governed = Governed(self._add, self.refuse, self._whole_file, self._converted_of)

    def folder(self) -> Folder:
        self._governed.finish()
        self._names()
        return Folder(
            name=self._name,
            project=self._project,
            items=self._items,
            prompts=self._prompts,
            routes=self._routes,
            mistakes=tuple(self._mistakes),
        )

    def is_full(self) -> bool:
        return len(self._mistakes) >= MOST_MISTAKES

    def refuse(self, path: str, line: int, what: str, fix: str = "") -> None:
        self._mistakes.append(Mistake(path=path, line=line, what=what, fix=fix))

    def _add(self, item: Item) -> None:
        twin = self._items.get(item.key)
        if twin is not None:
            self.refuse(item.path, item.line, f"The {item} stands in {twin.path}:{twin.line} too.", "Keep one.")
            return
        self._items[item.key] = item

    def _names(self) -> None:
        """A model, a route and an app are all called by their names."""
        for name in sorted({name for kind, name in self._items if kind == "app"}):
            app = self._items["app", name]
            for kind in ("model", "route"):
                if other := self._items.get((kind, name)):
                    what = f"The app {name!r} has the name of the {kind} in {other.path}:{other.line}."
                    self.refuse(app.path, app.line, what, "Rename one: both are called by it.")

    # --- trimtab.yaml ---

    def top(self, text: str) -> None:
        if len(text) > LONGEST:
            self.refuse(FILE, 1, f"It has more than {LONGEST:,} characters.", "Split the folder in two.")
            return
        try:
            root = bounds.compose(text)
        except yaml.YAMLError as error:
            self._mistakes.append(no_yaml(error, FILE))
            return
        except bounds.TooMuch as error:
            self.refuse(FILE, error.line, error.what, "Make it flatter, or split the folder.")
            return
        reading = Reading(FILE, {}, elsewhere=ELSEWHERE)
        tree = {} if root is None else reading.section(root, FOLDER, "the folder")
        self._named(reading, tree)
        self._models(reading, tree)
        self._made_of_routes(reading, tree)
        self._policies(reading, tree)
        self._limits(reading, tree)
        self._prices(reading, tree)
        self._labels(reading, tree)
        self._environments(reading, tree)
        self._governed.refusals(reading, tree)
        self._governed.data(reading, tree)
        self._mistakes += reading.mistakes

    def _named(self, reading: Reading, tree: Tree) -> None:
        if "name" in tree:
            self._name = str(tree["name"].value)
            if not _NAME.fullmatch(self._name):
                fix = "Use up to 64 of a-z, 0-9, '.', '_' and '-'."
                reading.refuse(tree["name"].line, f"{self._name[:80]!r} cannot be a folder's name.", fix)
        if "project" in tree:
            self._project = str(tree["project"].value)
            try:
                check_slug(self._project)
            except InvalidRequest as error:
                reading.refuse(tree["project"].line, error.message, error.fix)

    def _models(self, reading: Reading, tree: Tree) -> None:
        sections = _section(tree, "models")
        models: dict[str, Model] = {name: read_model(name, at, reading.refuse) for name, at in sections.items()}
        check_fallbacks(sections, {name: each.fallback for name, each in models.items()}, reading.refuse, None)
        for name, model in models.items():
            line = sections[name].key_line
            self._add(
                Item(kind="model", name=name, value=model, plain=items.model_plain(model), path=FILE, line=line)
            )  # fmt: skip

    def _made_of_routes(self, reading: Reading, tree: Tree) -> None:
        sections = _section(tree, "routes")
        nodes = {name: (at.value, at.key_line) for name, at in sections.items()}
        self._routes = routes_of(nodes, _section(tree, "models"), reading.refuse)
        routes: dict[str, Route] = {name: each.route for name, each in self._routes.items()}
        told(self._routes, routes, ANYTHING, reading.refuse)
        for name, route in routes.items():
            line = sections[name].key_line
            self._add(
                Item(kind="route", name=name, value=route, plain=items.route_plain(route), path=FILE, line=line)
            )  # fmt: skip

    def _policies(self, reading: Reading, tree: Tree) -> None:
        models, routes, own = _section(tree, "models"), _section(tree, "routes"), _section(tree, "policies")
        declared = models | routes | own
        for name, policy in read_policies(models, routes, own, reading.refuse).items():
            line = declared[name].key_line
            self._add(
                Item(kind="policy", name=name, value=policy, plain=items.policy_plain(policy), path=FILE, line=line)
            )  # fmt: skip

    def _limits(self, reading: Reading, tree: Tree) -> None:
        sections = _section(tree, "limits")
        for name, rule in read_limits(sections, reading.refuse).items():
            line = sections[name].key_line
            self._add(Item(kind="limit", name=name, value=rule, plain=items.limit_plain(rule), path=FILE, line=line))

    def _prices(self, reading: Reading, tree: Tree) -> None:
        for name, at in _section(tree, "prices").items():
            given = {key: each.value for key, each in at.value.items()}
            price = dated_price(name, at.key_line, given, reading.refuse)
            if price is not None:
                key, plain = items.price_name(price), items.price_plain(price)
                self._add(Item(kind="price", name=key, value=price, plain=plain, path=FILE, line=at.key_line))

    def _labels(self, reading: Reading, tree: Tree) -> None:
        for prompt, at in _section(tree, "labels").items():
            plain = Plain(reading.refuse)
            value = plain.of(at.value, "", 0)
            if plain.refused:
                continue
            if not isinstance(value, dict) or not value:
                fix = f"Write for example: {prompt}: {{production: latest}}."
                reading.refuse(at.line, f"The labels of {prompt!r} must be a mapping of labels to versions.", fix)
                continue
            for label, version in cast("dict[str, object]", value).items():
                self._label(reading, prompt, label, version, line_of(label, plain.lines))

    def _label(self, reading: Reading, prompt: str, label: str, version: object, line: int) -> None:
        try:
            canonical.check_name(prompt)
            canonical.check_label(label)
        except InvalidRequest as error:
            reading.refuse(line, error.message, error.fix)
            return
        number = version if isinstance(version, int) and not isinstance(version, bool) else None
        if version != LATEST and not (number is not None and 0 < number < 1 << 31):
            what = f"The label {label!r} of {prompt!r} points at {str(version)[:40]!r}, which is no version."
            reading.refuse(line, what, f"Write a version's number, or {LATEST} for what the folder's file is.")
            return
        name = items.label_name(prompt, label)
        self._add(Item(kind="label", name=name, value=number, plain={"version": version}, path=FILE, line=line))

    def _environments(self, reading: Reading, tree: Tree) -> None:
        for name, at in _section(tree, "environments").items():
            plain = Plain(reading.refuse)
            value = plain.of(at.value, "", 0)
            if plain.refused:
                continue
            if not re.fullmatch(ENVIRONMENT, name):
                fix = "Use up to 40 of a-z, 0-9 and '-', beginning with a letter."
                reading.refuse(at.key_line, f"{name[:60]!r} cannot be an environment's name.", fix)
                continue
            spec = self._converted(reading, value or {}, EnvironmentSpec, plain.lines, f"The environment {name!r}")
            if spec is None or not self._protected(reading, name, spec, plain.lines):
                continue
            made = cast("dict[str, Any]", msgspec.to_builtins(spec))
            if "protection" in made:  # in its normal form
                made["protection"] = items.plain_of(msgspec.convert(made["protection"] or {}, Protection))
            self._add(Item(kind="environment", name=name, value=spec, plain=made, path=FILE, line=at.key_line))

    def _protected(self, reading: Reading, name: str, spec: EnvironmentSpec, lines: Mapping[str, int]) -> bool:
        if spec.protection is msgspec.UNSET:
            return True
        below = {path.removeprefix("protection").lstrip("."): line for path, line in lines.items()
                 if path.startswith("protection")}  # fmt: skip
        made = self._converted(reading, spec.protection or {}, Protection, below, f"The protection of {name!r}")
        if made is None:
            return False
        try:
            protection.check(made)
        except InvalidRequest as error:
            reading.refuse(line_of(error.param or "", below), error.message, error.fix)
            return False
        return True

    def _converted(self, reading: Reading, value: Any, kind: type[Any], lines: Mapping[str, int], name: str) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            path, what = _place(error)
            known = ", ".join(kind.__struct_fields__)
            fix = f"There are: {known}." if "unknown field" in what else "Correct it."
            reading.refuse(line_of(path, lines), f"{name}{f', {path}' if path else ''}: {what}.", fix)
            return None

    def _converted_of(self, value: Any, kind: type[Any], lines: Mapping[str, int], path: str, name: str) -> Any:
        reading = Reading(path, {})
        made = self._converted(reading, value, kind, lines, name)
        self._mistakes += reading.mistakes
        return made

    def governed_file(self, path: str, text: str) -> bool:
        """Whether it is a file of guards, policies or datasets; then it is read."""
        for below, suffix, read in (
            (GUARDS, YAML, self._governed.guard),
            (POLICIES, CEDAR, self._governed.policies),
            (POLICIES, YAML, self._governed.policy_terms),
            (DATASETS, JSONL, self._governed.dataset),
        ):
            if path.startswith(below) and path.endswith(suffix):
                read(path, text)
                return True
        return False

    # --- prompts/*.prompt.md ---

    def prompt(self, path: str, text: str) -> None:
        try:
            file = read_prompt(text, path.rpartition("/")[2].removesuffix(SUFFIX))
        except PromptError as error:
            self.refuse(path, error.line or 1, _sentence(error.bare), error.fix)
            return
        try:
            check_templates(file.content)
        except PromptError as error:
            self.refuse(path, _file_line(file, error), _sentence(error.bare), error.fix)
            return
        plain = items.prompt_plain(file.content, file.folder or "")
        item = Item(kind="prompt", name=file.name, value=file.content, plain=plain, path=path, line=1)
        if item.key not in self._items:
            self._prompts[file.name] = file
        self._add(item)

    # --- apps/*.yaml and suites/*.yaml ---

    def app(self, path: str, text: str) -> None:
        read = self._whole_file(path, text, APPS, APP_SUFFIX, check_app)
        if read is None:
            return
        spec = self._app_spec(read.value, read.lines, read.refuse)
        if spec is not None:
            plain = items.app_plain(spec)
            self._add(Item(kind="app", name=read.name, value=spec, plain=plain, path=path, line=1))

    def suite(self, path: str, text: str) -> None:
        read = self._whole_file(path, text, SUITES, SUITE_SUFFIX, check_suite_name)
        if read is None:
            return
        value = read.value
        if isinstance(value.get("dataset"), str):  # a file of cases: 'trimtab eval' brings it as this dataset
            value = {**value, "dataset": suite_dataset(value["dataset"])}
        try:
            spec = check_suite(msgspec.convert(value, SuiteSpec))
        except msgspec.ValidationError as error:
            where, what = _place(error)
            fix = (
                f"A suite has: {', '.join(SuiteSpec.__struct_fields__)}." if "unknown field" in what else "Correct it."
            )
            read.refuse(line_of(where, read.lines), f"{f'{where}: ' if where else ''}{what}.", fix)
            return
        except InvalidRequest as error:
            read.refuse(line_of(error.param or "", read.lines), error.message, error.fix)
            return
        plain = items.suite_plain(spec)
        self._add(Item(kind="suite", name=read.name, value=spec, plain=plain, path=path, line=1))

    def _whole_file(
        self, path: str, text: str, below: str, suffix: str, check_name: Callable[[str], None]
    ) -> "_WholeFile | None":
        """What a file says that is one thing; None where it cannot be read, which is told."""

        def refuse(line: int, what: str, fix: str) -> None:
            self.refuse(path, line, what, fix)

        what = "policy" if below == POLICIES else below.removesuffix("s/")
        name = path.removeprefix(below).removesuffix(suffix)
        try:
            check_name(name)
            value, node = load_yaml(text)
        except PromptError as error:  # its lines count as of front matter, which has a line of dashes above it
            refuse(max(1, (error.line or 2) - 1), _of_a_file(error.bare), _of_a_file(error.fix))
            return None
        except InvalidRequest as error:
            refuse(1, error.message, f"The file's name is the {what}'s. {error.fix}")
            return None
        plain = Plain(refuse)
        if node is not None:
            plain.of(node, "", 0)
        if plain.refused:
            return None
        if not isinstance(value, dict):
            example, article = _EXAMPLES[what], "An" if what == "app" else "A"
            refuse(1, f"{article} {what} is a mapping of keys to values.", f"Write for example {example}.")
            return None
        found = cast("dict[str, Any]", value)
        return _WholeFile(name=name, value=found, lines=plain.lines or {"": 1}, refuse=refuse)

    def _app_spec(self, value: dict[str, Any], lines: Mapping[str, int], refuse: Refuse) -> AppSpec | None:
        """In the normal form in which the catalog has drafts, too."""
        cache = value.get("cache")
        if isinstance(cache, dict) and "ttl" in cache:
            given = cast("dict[str, Any]", cache)
            value = {**value, "cache": {"ttl_s" if key == "ttl" else key: each for key, each in given.items()}}
        try:
            return freeze.draft(msgspec.convert(value, AppSpec), _SHAPES)
        except msgspec.ValidationError as error:
            path, what = _place(error)
            fix = f"An app has: {', '.join(AppSpec.__struct_fields__)}." if "unknown field" in what else "Correct it."
            refuse(line_of(path, lines), f"{f'{path}: ' if path else ''}{what}.", fix)
        except InvalidRequest as error:
            refuse(line_of((error.param or "").replace("ttl_s", "ttl"), lines), error.message, error.fix)
        return None


def _section(tree: Tree, key: str) -> Tree:
    return cast("Tree", tree[key].value) if key in tree else {}


def _place(error: msgspec.ValidationError) -> tuple[str, str]:
    """The path that msgspec names, and its words."""
    words = str(error)
    found = _AT.search(words)
    path, what = (found[1], words[: found.start()]) if found else ("", words)
    if unknown := re.search(r"unknown field `([^`]*)`", what):
        path = f"{path}.{unknown[1]}" if path else unknown[1]
    return path, what


def _file_line(file: PromptFile, error: PromptError) -> int:
    """The file's line of a mistake in one of its messages (``message 2 (user)``)."""
    number = re.match(r"message (\d+)", error.where)
    if number is None or int(number[1]) > len(file.starts):
        return error.line or 1
    return file.starts[int(number[1]) - 1] + (error.line or 1) - 1


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _of_a_file(words: str) -> str:
    return words.replace("The front matter", "The file").replace("the front matter", "the file")
