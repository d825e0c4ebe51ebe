"""The catalog as the files of a folder, which `reading.py` reads as the same. Pure."""

from typing import Any, Final, cast

import msgspec
import yaml

from trimtab.evaluation.redteam.build import is_of_run
from trimtab.evaluation.types import SuiteSpec
from trimtab.guard.types import GuardSpec
from trimtab.prompts.file import dump_yaml, write
from trimtab.prompts.types import SUFFIX, PromptFile
from trimtab.releases.environments import seeded
from trimtab.releases.types import AppSpec
from trimtab.server.folder import items
from trimtab.server.folder.fields import DEFAULT_NAME, FILE
from trimtab.server.folder.governed import AccessSpec
from trimtab.server.folder.items import Item
from trimtab.server.folder.reading import APP_SUFFIX, APPS, PROMPTS, SUITE_SUFFIX, SUITES
from trimtab.server.folder.reading_governed import CEDAR, GUARDS, POLICIES, YAML
from trimtab.server.folder.state import State

_EXACT: Final = {"limit": ("bound", "unknown_amount"), "price": (
    "input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output",
    "image_input", "image_output", "cache_audio", "cache_image", "per_request", "per_image", "per_search",
    "per_file_search",
)}  # fmt: skip
"""Fields of which every digit counts; their plain form is text."""


class _Digits(str):
    """A number to be written with the very digits."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _digits(dumper: Any, value: _Digits) -> Any:
    kind = "float" if "." in value else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", str(value))


def _text(dumper: Any, value: str) -> Any:
    """Texts of several lines as people write them; what YAML 1.1 takes for a line's end, and others do not, escaped."""
    odd = any(each in value for each in "\x85\u2028\u2029\ufeff")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if odd else "|" if "\n" in value else None)


_Dumper.add_representer(_Digits, _digits)
_Dumper.add_representer(str, _text)


def to_yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def export(
    state: State, project_id: str, project: str, name: str = DEFAULT_NAME, *, take: bool = False
) -> dict[str, str]:
    """By path, what the folder owns; with ``take`` also what no folder does. What another one owns is left out."""
    mine = [
        item
        for key, item in sorted(state.items.items())
        if (state.managed[key].folder == name if key in state.managed else take and not is_made(state, item))
    ]
    files = {FILE: to_yaml(_top(mine, state, project_id, project, name))}
    for item in mine:
        if item.kind == "prompt":
            folder = state.prompts[item.name].folder
            below = f"{folder}/" if folder else ""
            files[f"{PROMPTS}{below}{item.name}{SUFFIX}"] = text_of(item)
        elif item.kind == "app":
            files[f"{APPS}{item.name}{APP_SUFFIX}"] = text_of(item)
        elif item.kind == "suite":
            files[f"{SUITES}{item.name}{SUITE_SUFFIX}"] = text_of(item)
        elif item.kind == "guard":
            files[f"{GUARDS}{item.name}{YAML}"] = text_of(item)
        elif item.kind == "access":
            files |= _access_files(item)
    return files


def unowned(state: State, project_id: str) -> list[Item]:
    """What belongs to no folder, but the environments that every project has, as they are from the beginning."""
    usual = {each.name: items.environment_plain(each) for each in seeded(project_id)}
    return [
        item
        for key, item in sorted(state.items.items())
        if key not in state.managed
        and not is_made(state, item)
        and not (item.kind == "environment" and usual.get(item.name) == item.plain)
    ]


def is_made(state: State, item: Item) -> bool:
    """Whether a run of the red team made it: neither a gate nor anything that a team wrote, unless an environment asks
    for it."""
    if item.kind not in ("suite", "dataset") or not is_of_run(item.name) or item.key in state.managed:
        return False
    return not any(item.name in each.protection.suites for each in state.environments.values())


def _top(mine: list[Item], state: State, project_id: str, project: str, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "project": project}
    for kind, key in (("model", "models"), ("route", "routes"), ("policy", "policies"), ("limit", "limits")):
        found = {item.name: written(item) for item in mine if item.kind == kind}
        made |= {key: found} if found else {}
    prices = [item for item in mine if item.kind == "price"]
    if prices:
        made["prices"] = {f"price-{number}": written(item) for number, item in enumerate(prices, 1)}
    labels: dict[str, dict[str, int]] = {}
    for item in mine:
        prompt, _, label = item.name.partition(":")
        if item.kind == "label" and ("prompt", prompt) in state.items:
            labels.setdefault(prompt, {})[label] = item.value
    if labels:
        made["labels"] = labels
    refusals = {item.name: item.plain["text"] for item in mine if item.kind == "refusal"}
    made |= {"refusals": refusals} if refusals else {}
    data = _data(mine)
    made |= {"data": data} if data else {}
    usual = {each.name: items.environment_plain(each) for each in seeded(project_id)}
    places = {item.name: written(item) for item in mine if item.kind == "environment"}
    return made | ({"environments": places} if places and places != usual else {})


def _data(mine: list[Item]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in mine:
        subject, _, name = item.name.partition(":")
        if item.kind == "classes":
            made |= item.plain
        elif item.kind == "mark":
            made.setdefault(f"{subject}s", {})[name] = item.value
        elif item.kind == "terms":
            made.setdefault(f"{subject}s", {})[name] = item.plain
    return made


def _access_files(item: Item) -> dict[str, str]:
    spec = cast("AccessSpec", item.value)
    files = {f"{POLICIES}{item.name}{CEDAR}": spec.text}
    terms = _access_terms(spec)
    return files | ({f"{POLICIES}{item.name}{YAML}": _app_yaml(terms)} if terms else {})


def _access_terms(spec: AccessSpec) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.to_builtins(spec.terms))


def written(item: Item) -> Any:
    """The plain form with its exact numbers as numbers."""
    exact = _EXACT.get(item.kind, ())
    plain = cast("dict[str, Any]", item.plain)
    return {key: _Digits(each) if key in exact else _whole(each) for key, each in plain.items()}


def _whole(value: Any) -> Any:
    """Without the decimal point that says nothing: 10 for 10.0."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in cast("dict[str, Any]", value).items()}
    return [_whole(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def text_of(item: Item) -> str:
    """As it stands in a file: a prompt and an app whole, everything else what is below its name."""
    if item.kind == "prompt":
        folder = str(item.plain["folder"])
        return write(PromptFile(name=item.name, content=item.value, folder=folder or None))
    if item.kind == "app" and not item.plain:
        return "# An app that says nothing yet.\n"
    if item.kind == "app":
        order = [name for name in AppSpec.__struct_fields__ if name in item.plain]
        return _app_yaml({name: item.plain[name] for name in order})
    if item.kind == "guard":
        return _app_yaml({name: item.plain[name] for name in GuardSpec.__struct_fields__ if name in item.plain})
    if item.kind == "access":
        spec = cast("AccessSpec", item.value)
        terms = _access_terms(spec)
        return spec.text + (f"\n// {YAML}\n{_app_yaml(terms)}" if terms else "")
    if item.kind == "suite":
        return _app_yaml({name: item.plain[name] for name in SuiteSpec.__struct_fields__ if name in item.plain})
    return to_yaml(written(item))


def _app_yaml(plain: dict[str, Any]) -> str:
    """Apps and suites are read as prompts' front matter is, where `on` and dates are text: only such scalars as JSON
    has."""
    return dump_yaml(msgspec.to_builtins(plain))
