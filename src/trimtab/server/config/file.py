"""The config file: providers and models declared in YAML, checked whole before anything starts.

Every mistake is told at once, each with its file and line, what is wrong, and what was probably meant. Secrets are best
left out of the file: ``env:NAME`` takes a value from the environment. What may stand in it is in `config/fields.py`.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.gateway import store
from trimtab.gateway.call_policy import CallPolicy
from trimtab.gateway.provider_options import check_options, default_base_url, with_defaults
from trimtab.gateway.routing.types import Route
from trimtab.gateway.store import Declared, Sealed
from trimtab.gateway.targets import Model, Provider, Timeouts
from trimtab.governance import projects
from trimtab.governance.retention import Rules
from trimtab.ledger.limits import Rule
from trimtab.ledger.overrides import DatedPrice
from trimtab.llm.dialects import dialects
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.server.config.detectors import read_detectors_off
from trimtab.server.config.fields import TOP
from trimtab.server.config.forwards import read_forwards
from trimtab.server.config.limits import read_limits
from trimtab.server.config.models import check_fallbacks, read_model
from trimtab.server.config.policies import read_policies
from trimtab.server.config.prices import dated_price
from trimtab.server.config.reading import Mistake, Read, Reading, Tree, no_yaml
from trimtab.server.config.resilience import read_resilience
from trimtab.server.config.retention import read_retention
from trimtab.server.config.routes import read_routes
from trimtab.telemetry.forward.types import Destination

_APPLIED = "It belongs into a folder that is applied to the server: docs/config-as-code.md."
ELSEWHERE: dict[str, str] = dict.fromkeys(("name", "labels", "environments", "apps", "prompts"), _APPLIED)
"""Keys of config as code, whose ``trimtab.yaml`` has the form of this file and is another one."""


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
        raise ConfigRefused([no_yaml(error, path)]) from error
    reading = Reading(path, environ, elsewhere=ELSEWHERE)
    tree = {} if root is None else reading.section(root, TOP, "the file")
    config = _Building(reading, tree).build()
    if reading.mistakes:
        raise ConfigRefused(reading.mistakes)
    return config


class _Building:
    """From values of the right shape to providers and models that make sense together."""

    def __init__(self, reading: Reading, tree: Tree) -> None:
        self._reading = reading
        self._tree = tree
        self._hidden: dict[str, frozenset[str]] = {}

    def build(self) -> ConfigFile:
        project = self._project()
        declared = self._sections("providers")
        providers = {name: self._provider(name, at) for name, at in declared.items()}
        refuse, written = self._reading.refuse, self._sections("models")
        models = {name: read_model(name, at, refuse) for name, at in written.items()}
        for name, model in models.items():
            if model.provider and model.provider not in declared:
                line = written[name].value["provider"].line
                what = f"The model {name!r} names the provider {model.provider!r}, which this file does not declare."
                refuse(
                    line, what, did_you_mean(model.provider, declared) if declared else "Declare it below 'providers'."
                )
        check_fallbacks(written, {name: model.fallback for name, model in models.items()}, refuse)
        usable = {name: provider for name, provider in providers.items() if provider is not None}
        return ConfigFile(
            path=self._reading.path,
            project=project,
            providers=usable,
            models=models,
            routes=self._routes(models, usable),
            hidden=self._hidden,
            prices=self._prices(),
            policies=read_policies(
                self._sections("models"), self._sections("routes"), self._sections("policies"), self._reading.refuse
            ),
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

    def _sections(self, key: str) -> dict[str, Read]:
        return cast("Tree", self._tree[key].value) if key in self._tree else {}

    def _list(self, key: str) -> list[Read] | None:
        return cast("list[Read]", self._tree[key].value) if key in self._tree else None

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

    def _provider(self, name: str, at: Read) -> Provider | None:
        fields = cast("Tree", at.value)
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
            self._try((fields.get("options") or at).key_line, lambda: check_options(kind, secret, operators=True))
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

    def _known(self, at: Read | None, names: tuple[str, ...], what: str, default: str) -> str:
        if at is None:
            return default
        if at.value in names:
            return str(at.value)
        self._reading.refuse(at.line, f"There is no {what} {at.value!r}.", did_you_mean(str(at.value), names))
        return default

    def _base_url(self, name: str, at: Read, default: str, *, managed: bool) -> str:
        given = cast("Tree", at.value).get("base_url")
        if given is not None:
            return self._try(given.line, lambda: store.check_base_url(given.value)) or ""
        if not default and not managed:
            fix = "Add for example: base_url: http://127.0.0.1:9100/v1"
            self._reading.refuse(at.key_line, f"The provider {name!r} lacks 'base_url'.", fix)
        return default

    def _secret(self, name: str, fields: Tree, at: Read) -> Sealed:
        headers = cast("Tree", fields["headers"].value) if "headers" in fields else {}
        options = cast("Tree", fields["options"].value) if "options" in fields else {}
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


def _numbers(at: Read | None) -> dict[str, Any]:
    return {} if at is None else {name: value.value for name, value in cast("Tree", at.value).items()}
