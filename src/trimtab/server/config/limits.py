"""``limits`` in the config file: rules by name, each checked as the API checks them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.ledger.limits import DIMENSIONS, MEASURES, Rule, check_rule, picodollars
from trimtab.ledger.windows import WINDOWS
from trimtab.server.config.values import Refuse, Value

_CHOICES: dict[str, tuple[str, ...]] = {
    "measure": MEASURES,
    "window": WINDOWS,
    "mode": ("hard", "soft"),
    "unknown_price": ("refuse", "amount", "ignore"),
    "catalog_down": ("refuse", "allow"),
}


def read_limits(limits: Mapping[str, Value], refuse: Refuse) -> dict[str, Rule]:
    """By name; what is wrong with one is refused with its line, and it is left out."""
    found: dict[str, Rule] = {}
    for name, at in limits.items():
        fields = cast("Mapping[str, Value]", at.value)
        if all(key in fields for key in ("measure", "bound")) and _chosen(fields, refuse):
            rule = _rule(name, at, fields, refuse)
            if rule is not None:
                found[name] = rule
    return found


def _chosen(fields: Mapping[str, Value], refuse: Refuse) -> bool:
    sound = True
    for key, known in _CHOICES.items():
        if key in fields and fields[key].value not in known:
            value = str(fields[key].value)
            refuse(fields[key].line, f"There is no {key.replace('_', ' ')} {value!r}.", did_you_mean(value, known))
            sound = False
    for item in cast("list[Value]", fields["per"].value) if "per" in fields else []:
        if item.value not in DIMENSIONS:
            refuse(item.line, f"There is no dimension {item.value!r}.", did_you_mean(str(item.value), DIMENSIONS))
            sound = False
    return sound


def _rule(name: str, at: Value, fields: Mapping[str, Value], refuse: Refuse) -> Rule | None:
    told: dict[str, Any] = {key: each.value for key, each in fields.items() if key not in ("scope", "per")}
    try:
        told["bound"] = _amount(told["bound"], money=told["measure"] == "money", param="bound")
        if "unknown_amount" in told:
            told["unknown_amount"] = _amount(told["unknown_amount"], money=True, param="unknown_amount")
        if "max_output" in told:
            told["max_output"] = int(told["max_output"])
        if "per" in fields:
            told["per"] = [item.value for item in fields["per"].value]
        if "scope" in fields:
            told["scope"] = {key: [v.value for v in each.value] for key, each in fields["scope"].value.items()}
        rule = msgspec.convert({**told, "name": name}, Rule)
        check_rule(rule)
    except InvalidRequest as error:
        wrong = fields.get(error.param or "")
        line = at.key_line if wrong is None else wrong.line
        refuse(line, f"The limit {name!r}: {error.message}", error.fix)
        return None
    return rule


def _amount(text: str, *, money: bool, param: str) -> int:
    """From its digits: a float would lose those of a large one."""
    return picodollars(text, param=param) if money else int(Decimal(text))
