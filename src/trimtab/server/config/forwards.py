"""``forwards`` in the config file: destinations of closed traces by name, each checked as the API checks them."""

from collections.abc import Mapping
from typing import Any, cast

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.server.config.values import Refuse, Value
from trimtab.telemetry.forward import kafka
from trimtab.telemetry.forward.types import CONTENTS, KINDS, Destination, Secrets, check

_CHOICES: dict[str, tuple[str, ...]] = {"kind": KINDS, "content": CONTENTS}
_SECRETS = ("headers", "secret", "options")


def read_forwards(forwards: Mapping[str, Value], refuse: Refuse) -> dict[str, Destination]:
    """By name, without a project: that is the file's. What is wrong with one is refused with its line."""
    found: dict[str, Destination] = {}
    for name, at in forwards.items():
        fields = cast("Mapping[str, Value]", at.value)
        if "kind" in fields and "url" in fields and _chosen(fields, refuse):
            destination = _destination(name, at, fields, refuse)
            if destination is not None:
                found[name] = destination
    return found


def _chosen(fields: Mapping[str, Value], refuse: Refuse) -> bool:
    sound = True
    for key, known in _CHOICES.items():
        if key in fields and fields[key].value not in known:
            value = str(fields[key].value)
            refuse(fields[key].line, f"There is no {key} {value!r} of a destination.", did_you_mean(value, known))
            sound = False
    return sound


def _destination(name: str, at: Value, fields: Mapping[str, Value], refuse: Refuse) -> Destination | None:
    told: dict[str, Any] = {key: each.value for key, each in fields.items() if key not in _SECRETS}
    maps: dict[str, dict[str, str]] = {
        key: {inner: str(value.value) for inner, value in fields[key].value.items()}
        for key in ("headers", "options")
        if key in fields
    }
    secret = str(fields["secret"].value) if "secret" in fields else ""
    try:
        made = Destination(project_id="", name=name, secrets=Secrets(secret=secret, **maps), **told)
        check(made)
        kafka.check_options(made.secrets.options)
    except InvalidRequest as error:
        wrong = fields.get(error.param or "")
        line = at.key_line if wrong is None else wrong.line
        refuse(line, f"The destination {name!r}: {error.message}", error.fix)
        return None
    return made
