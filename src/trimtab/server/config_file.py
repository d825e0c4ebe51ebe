"""The config file: providers and models declared in YAML, checked whole before anything starts.

Every mistake is told at once, each with its file and line, what is wrong, and what was probably meant. Secrets are best
left out of the file: ``env:NAME`` takes a value from the environment. What may stand in it is in `config_fields.py`.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.gateway import store
from trimtab.gateway.call_policy import CallPolicy
from trimtab.gateway.provider_options import check_options, default_base_url, with_defaults
from trimtab.gateway.routing.types import Route
from trimtab.gateway.store import Declared, Sealed, did_you_mean
from trimtab.gateway.targets import Model, Provider, Timeouts
from trimtab.governance import projects
from trimtab.governance.retention import Rules
from trimtab.ledger.limits import Rule
from trimtab.ledger.overrides import DatedPrice
from trimtab.ledger.types import PriceOverride
from trimtab.llm.dialects import dialects
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.server.config_detectors import read_detectors_off
from trimtab.server.config_fields import TOP, Field
from trimtab.server.config_forwards import read_forwards
from trimtab.server.config_limits import read_limits
from trimtab.server.config_policies import read_policies
from trimtab.server.config_prices import dated_price
from trimtab.server.config_resilience import read_resilience
from trimtab.server.config_retention import read_retention
from trimtab.server.config_routes import read_routes
from trimtab.telemetry.forward.types import Destination


class ConfigFile(Struct, frozen=True, kw_only=True):
    """What the file declares, for one project. ``hidden`` names the headers of each provider whose values came from the
    environment. The empty one stands for no file."""

    path: str = ""
    project: str = projects.DEFAULT
    providers: dict[str, Provider] = {}
    models: dict[str, Model] = {}
    hidden: dict[str, frozenset[str]] = {}
    prices: tuple[DatedPrice, ...] = ()
    routes: dict[str, Route] = {}
    policies: dict[str, CallPolicy] = {}
    limits: dict[str, Rule] = {}
    retention: Rules = {}
    detectors_off: frozenset[str] | None = None
    forwards: dict[str, Destination] = {}

    def declared(self, slug: str) -> Declared:
        """What it declares for the project of that slug."""
        if slug != self.project:
            return Declared()
        return Declared(
            providers=frozenset(self.providers), models={m.name: (m.provider, m.fallback) for m in self.models.values()}
        )


class Mistake(Struct, frozen=True, kw_only=True):
    """``line`` counts from 1."""

    path: str
    line: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}{f' {self.fix}' if self.fix else ''}"


class ConfigRefused(InvalidRequest):
    """Every mistake of a file, in the order of its lines."""

    code = "config_refused"

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        count = len(mistakes)
        head = f"The config file has {f'{count} mistakes' if count > 1 else 'a mistake'}:"
        super().__init__("\n".join((head, *(f"  {mistake}" for mistake in self.mistakes))), param="TRIMTAB_CONFIG")


def load(path: Path, environ: Mapping[str, str] | None = None) -> ConfigFile:
    """Read and check the file. Raises `ConfigRefused`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigRefused([Mistake(path=str(path), line=1, what=f"It cannot be read: {error.strerror}.")]) from error
    except UnicodeDecodeError as error:
        raise ConfigRefused([Mistake(path=str(path), line=1, what="It is not UTF-8 text.")]) from error
    return parse(text, str(path), os.environ if environ is None else environ)


def parse(text: str, path: str, environ: Mapping[str, str]) -> ConfigFile:
    """The file of that text. Raises `ConfigRefused`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigRefused([_no_yaml(error, path)]) from error
    reading = _Reading(path, environ)
    tree = {} if root is None else reading.section(root, TOP, "the file")
    config = _Building(reading, tree).build()
    if reading.mistakes:
        raise ConfigRefused(reading.mistakes)
    return config


def _no_yaml(error: yaml.YAMLError, path: str) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "it cannot be parsed")
    fix = "Indent with blanks, not tabs." if "\\t" in problem else "Check indentation, quotes and colons around it."
    return Mistake(path=path, line=1 if mark is None else mark.line + 1, what=f"Not YAML: {problem}.", fix=fix)


class _Value(Struct, frozen=True, kw_only=True):
    """A value and where it stands. A section's is ``dict[str, _Value]``, a list's ``list[_Value]``; ``key_line`` is
    that of its key, ``from_env`` whether the environment gave it."""

    value: Any
    line: int
    key_line: int
    from_env: bool = False


_Tree = dict[str, _Value]


class _Reading:
    """From YAML's nodes to values of the right shape; what does not fit is noted and left out."""

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = environ
        self.mistakes: list[Mistake] = []

    def refuse(self, line: int, what: str, fix: str = "") -> None:
        self.mistakes.append(Mistake(path=self.path, line=line, what=what[:1].upper() + what[1:], fix=fix))

    def section(self, node: yaml.Node, fields: dict[str, Field], name: str) -> _Tree:
        tree: _Tree = {}
        for key, line, value in self._pairs(node, name):
            field = fields.get(key)
            if field is None:
                self.refuse(line, f"Unknown key {key!r} in {name}.", did_you_mean(key, fields))
                continue
            found = self._field(value, field, f"{key!r} of {name}")
            if found is not None:
                tree[key] = _Value(value=found[0], line=_line(value), key_line=line, from_env=found[1])
        for key, field in fields.items():
            if field.required and key not in tree and not self._noted(node):
                self.refuse(_line(node), f"{name} lacks {key!r}.", field.about)
        return tree

    def _noted(self, node: yaml.Node) -> bool:
        """A section that is no mapping at all was refused already."""
        return not isinstance(node, yaml.MappingNode)

    def _pairs(self, node: yaml.Node, name: str) -> list[tuple[str, int, yaml.Node]]:
        if _is_null(node):
            return []
        if not isinstance(node, yaml.MappingNode):
            self.refuse(
                _line(node), f"{name} must be a mapping of keys to values.", "Write one 'key: value' per line below it."
            )
            return []
        pairs: list[tuple[str, int, yaml.Node]] = []
        seen: dict[str, int] = {}
        for key_node, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.refuse(line, f"A key of {name} is not text.", "Use a plain word.")
                continue
            key = str(key_node.value)
            if key in seen:
                self.refuse(line, f"{key!r} stands twice in {name}, first on line {seen[key]}.", "Remove one.")
                continue
            seen[key] = line
            pairs.append((key, line, value))
        return pairs

    def _field(self, node: yaml.Node, field: Field, name: str) -> tuple[Any, bool] | None:
        """The value and whether the environment gave it; None where it was refused or left empty."""
        if _is_null(node) and field.shape != "section":
            return None
        if field.shape == "section":
            return self.section(node, field.fields, name), False
        if field.shape == "sections":
            return self._map(
                node, name, lambda value, key: self.section(value, field.fields, f"{field.one} {key!r}")
            ), False
        if field.shape == "text_map":
            return self._map(
                node, name, lambda value, key: self._text(value, f"{key!r} of {name}", env=field.env)
            ), False
        if field.shape == "trees":
            return self._map(node, name, lambda value, _key: value), False
        if field.shape == "texts":
            return self._texts(node, name, env=field.env), False
        if field.shape == "flag":
            flag = self._flag(node, name)
            return None if flag is None else (flag, False)
        if field.shape == "days":
            found = self._days(node, name)
            return None if found is None else (found, False)
        if field.shape == "number":
            number = self._number(node, field, name)
            return None if number is None else (number, False)
        text = self._text(node, name, env=field.env)
        return None if text is None else (text, _from_env(node, field))

    def _map(self, node: yaml.Node, name: str, read: Callable[[yaml.Node, str], Any]) -> _Tree:
        tree: _Tree = {}
        for key, line, value in self._pairs(node, name):
            found = read(value, key)
            if found is not None:
                tree[key] = _Value(value=found, line=_line(value), key_line=line, from_env=_is_env(value))
        return tree

    def _texts(self, node: yaml.Node, name: str, *, env: bool) -> list[_Value]:
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(_line(node), f"{name} must be a list.", "Write for example [slow, slower].")
            return []
        items = cast("list[yaml.Node]", node.value)
        found = [(self._text(item, f"An item of {name}", env=env), _line(item)) for item in items]
        return [_Value(value=text, line=line, key_line=line) for text, line in found if text is not None]

    def _text(self, node: yaml.Node, name: str, *, env: bool) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith((":str", ":timestamp")):
            quoted = isinstance(node, yaml.ScalarNode) and not _is_null(node)
            self.refuse(_line(node), f"{name} must be text.", "Put quotes around it." if quoted else "")
            return None
        text = str(node.value)
        if not env or not text.startswith("env:"):
            return text
        variable = text.removeprefix("env:").strip()
        found = self.environ.get(variable)
        if not found:
            close = did_you_mean(variable, self.environ)
            fix = close if close.startswith("Did") else f"Run: export {variable}=..."
            self.refuse(_line(node), f"{name}: the environment variable {variable!r} is not set.", fix)
            return None
        return found

    def _flag(self, node: yaml.Node, name: str) -> bool | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
            return str(node.value).lower() in ("true", "yes", "on")
        self.refuse(_line(node), f"{name} must be true or false.", "Write it without quotes.")
        return None

    def _days(self, node: yaml.Node, name: str) -> str | None:
        """A whole number or a word, as it stands there."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":str")):
            return str(node.value)
        self.refuse(_line(node), f"{name} must be a whole number of days, or keep.", "Write for example 90.")
        return None

    def _number(self, node: yaml.Node, field: Field, name: str) -> float | None:
        low, high = field.bounds
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
            try:
                value = float(str(node.value).replace("_", ""))
            except ValueError:
                value = -1.0
            if low <= value <= high:
                return value
        self.refuse(
            _line(node), f"{name} must be a number from {low:g} to {high:g}.", "Write it plainly, e.g. 0.15 or 60."
        )
        return None


class _Building:
    """From values of the right shape to providers and models that make sense together."""

    def __init__(self, reading: _Reading, tree: _Tree) -> None:
        self._reading = reading
        self._tree = tree
        self._hidden: dict[str, frozenset[str]] = {}

    def build(self) -> ConfigFile:
        project = self._project()
        declared = self._sections("providers")
        providers = {name: self._provider(name, at) for name, at in declared.items()}
        models = {name: self._model(name, at, declared) for name, at in self._sections("models").items()}
        self._fallbacks(models)
        usable = {name: provider for name, provider in providers.items() if provider is not None}
        return ConfigFile(
            path=self._reading.path,
            project=project,
            providers=usable,
            models=models,
            routes=self._routes(models, usable),
            hidden=self._hidden,
            prices=self._prices(),
            policies=read_policies(self._sections("models"), self._sections("policies"), self._reading.refuse),
            limits=read_limits(self._sections("limits"), self._reading.refuse),
            retention=read_retention(self._sections("retention"), self._reading.refuse),
            detectors_off=read_detectors_off(self._list("detectors_off"), self._reading.refuse),
            forwards=read_forwards(self._sections("forwards"), self._reading.refuse),
        )

    def _prices(self) -> tuple[DatedPrice, ...]:
        refuse = self._reading.refuse
        found = [dated_price(name, at.key_line, _numbers(at), refuse) for name, at in self._sections("prices").items()]
        return tuple(row for row in found if row is not None)

    def _routes(self, models: dict[str, Model], providers: dict[str, Provider]) -> dict[str, Route]:
        nodes = {name: (at.value, at.key_line) for name, at in self._sections("routes").items()}
        return read_routes(nodes, models, providers, self._reading.refuse)

    def _sections(self, key: str) -> dict[str, _Value]:
        return cast("_Tree", self._tree[key].value) if key in self._tree else {}

    def _list(self, key: str) -> list[_Value] | None:
        return cast("list[_Value]", self._tree[key].value) if key in self._tree else None

    def _try(self, line: int, rule: Callable[[], Any]) -> Any:
        """What a rule answers; what it refuses is a mistake of that line."""
        try:
            return rule()
        except InvalidRequest as error:
            self._reading.refuse(line, error.message, error.fix)
            return None

    def _project(self) -> str:
        at = self._tree.get("project")
        if at is None:
            return projects.DEFAULT
        self._try(at.line, lambda: projects.check_slug(at.value))
        return str(at.value)

    def _provider(self, name: str, at: _Value) -> Provider | None:
        fields = cast("_Tree", at.value)
        before = len(self._reading.mistakes)
        self._try(at.key_line, lambda: store.check_provider_name(name))
        kind_name = self._known(fields.get("kind"), PROVIDER_KINDS.names(), "provider kind", self._default_kind(name))
        kind = PROVIDER_KINDS.get(kind_name)
        dialect = self._known(fields.get("dialect"), dialects(), "dialect", kind.dialect)
        secret = self._secret(name, fields, at)
        default_url = kind.base_url
        if "{" in default_url and "base_url" not in fields:
            default_url = self._try(at.key_line, lambda: default_base_url(kind, secret.options)) or default_url
        base_url = self._base_url(name, at, default_url, managed=kind.managed)
        keyless = not fields.keys() & {"api_key", "api_keys"} and not kind.key_options
        if kind.needs_key and keyless and len(self._reading.mistakes) == before:
            fix = f"Add: api_key: env:{kind.key_variable or 'NAME'}"
            self._reading.refuse(at.key_line, f"The provider {name!r} ({kind.title}) needs an 'api_key'.", fix)
        elif len(self._reading.mistakes) == before:
            self._try((fields.get("options") or at).key_line, lambda: check_options(kind, secret))
        if len(self._reading.mistakes) > before:
            return None
        return Provider(
            name=name,
            kind=kind_name,
            dialect=dialect,
            base_url=base_url,
            api_key=secret.api_key,
            api_keys=secret.api_keys,
            headers=secret.headers,
            options=with_defaults(kind, secret.options),
            timeouts=Timeouts(**_numbers(fields.get("timeouts"))),
            quirks=kind.quirks,
            resilience=read_resilience(fields.get("resilience"), self._reading.refuse),
        )

    def _default_kind(self, name: str) -> str:
        return name if name in PROVIDER_KINDS.names() else "custom"

    def _known(self, at: _Value | None, names: tuple[str, ...], what: str, default: str) -> str:
        if at is None:
            return default
        if at.value in names:
            return str(at.value)
        self._reading.refuse(at.line, f"There is no {what} {at.value!r}.", did_you_mean(str(at.value), names))
        return default

    def _base_url(self, name: str, at: _Value, default: str, *, managed: bool) -> str:
        given = cast("_Tree", at.value).get("base_url")
        if given is not None:
            return self._try(given.line, lambda: store.check_base_url(given.value)) or ""
        if not default and not managed:
            fix = "Add for example: base_url: http://127.0.0.1:9100/v1"
            self._reading.refuse(at.key_line, f"The provider {name!r} lacks 'base_url'.", fix)
        return default

    def _secret(self, name: str, fields: _Tree, at: _Value) -> Sealed:
        headers = cast("_Tree", fields["headers"].value) if "headers" in fields else {}
        options = cast("_Tree", fields["options"].value) if "options" in fields else {}
        key = fields.get("api_key")
        keys = [str(item.value) for item in fields["api_keys"].value] if "api_keys" in fields else []
        secret = Sealed(
            headers={n: str(value.value) for n, value in headers.items()},
            options={n: str(value.value) for n, value in options.items()},
        )
        self._hidden[name] = frozenset(n for n, value in headers.items() if value.from_env)
        line = (fields.get("api_keys") or key or fields.get("headers") or at).line
        secret = self._try(line, lambda: store.with_keys(secret, None if key is None else key.value, keys)) or secret
        self._try(line, lambda: store.check_secret(secret))
        return secret

    def _model(self, name: str, at: _Value, declared: dict[str, _Value]) -> Model:
        """Also one with mistakes, which were noted: it is still there to fall back to."""
        fields = cast("_Tree", at.value)
        self._try(at.key_line, lambda: store.check_model_name(name))
        provider = fields.get("provider")
        if provider is not None and provider.value not in declared:
            what = f"The model {name!r} names the provider {provider.value!r}, which this file does not declare."
            self._reading.refuse(provider.line, what, did_you_mean(str(provider.value), declared))
        upstream = fields.get("model") or fields.get("upstream")
        if "model" in fields and "upstream" in fields:
            line = fields["upstream"].key_line
            self._reading.refuse(line, "'model' and 'upstream' mean the same.", "Keep one of them.")
        if upstream is not None:
            self._try(upstream.line, lambda: store.check_upstream(upstream.value))
        price = _numbers(fields.get("price"))
        return Model(
            name=name,
            provider="" if provider is None else str(provider.value),
            upstream=name if upstream is None else str(upstream.value),
            fallback=tuple(str(item.value) for item in self._items(fields)),
            price=PriceOverride(**price) if "input" in price and "output" in price else None,
            resilience=read_resilience(fields.get("resilience"), self._reading.refuse),
        )

    def _items(self, fields: _Tree) -> list[_Value]:
        return cast("list[_Value]", fields["fallback"].value) if "fallback" in fields else []

    def _fallbacks(self, models: dict[str, Model]) -> None:
        ways = {name: model.fallback for name, model in models.items()}
        told: set[frozenset[str]] = set()
        for name, at in self._sections("models").items():
            items = self._items(cast("_Tree", at.value))
            for index, item in enumerate(items):
                if item.value in [before.value for before in items[:index]]:
                    self._reading.refuse(
                        item.line, f"{item.value!r} stands twice among the fallbacks of {name!r}.", "Remove one."
                    )
                elif item.value not in ways:
                    what = f"The model {name!r} falls back to {item.value!r}, which this file does not declare."
                    self._reading.refuse(item.line, what, did_you_mean(str(item.value), ways.keys() - {name}))
            sound = {n: tuple(dict.fromkeys(f for f in way if f in ways)) for n, way in ways.items()}
            circle = store.circle(name, sound)
            if circle and frozenset(circle) not in told:
                told.add(frozenset(circle))
                line = cast("_Tree", at.value)["fallback"].line
                what = f"The fallbacks go round in a circle: {' -> '.join(circle)}."
                self._reading.refuse(line, what, "Remove one of them.")


def _numbers(at: _Value | None) -> dict[str, Any]:
    return {} if at is None else {name: value.value for name, value in cast("_Tree", at.value).items()}


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _is_env(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and str(node.value).startswith("env:")


def _from_env(node: yaml.Node, field: Field) -> bool:
    return field.env and _is_env(node)
