"""``models`` in the config file, and in the folder of config as code."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.gateway import store
from trimtab.gateway.targets import Model
from trimtab.ledger.types import PriceOverride
from trimtab.server.config.resilience import read_resilience
from trimtab.server.config.values import Refuse, Value


def read_model(name: str, at: Value, refuse: Refuse) -> Model:
    """Also one with mistakes, which were noted: it is still there to fall back to. Whether its provider and fallbacks
    are there is the caller's to see."""
    fields = cast("Mapping[str, Value]", at.value)
    _try(at.key_line, lambda: store.check_model_name(name), refuse)
    provider = fields.get("provider")
    upstream = fields.get("model") or fields.get("upstream")
    if "model" in fields and "upstream" in fields:
        refuse(fields["upstream"].key_line, "'model' and 'upstream' mean the same.", "Keep one of them.")
    if upstream is not None:
        _try(upstream.line, lambda: store.check_upstream(upstream.value), refuse)
    price = _numbers(fields.get("price"))
    return Model(
        name=name,
        provider="" if provider is None else str(provider.value),
        upstream=name if upstream is None else str(upstream.value),
        fallback=tuple(str(item.value) for item in _items(fields)),
        price=PriceOverride(**price) if "input" in price and "output" in price else None,
        resilience=read_resilience(fields.get("resilience"), refuse),
    )


def check_fallbacks(
    sections: Mapping[str, Value],
    ways: Mapping[str, tuple[str, ...]],
    refuse: Refuse,
    elsewhere: Collection[str] | None = (),
) -> None:
    """Every fallback is there, once, and none goes round in a circle. ``elsewhere``: models that are not written here;
    None where nobody knows which there are."""
    told: set[frozenset[str]] = set()
    for name, at in sections.items():
        items = _items(cast("Mapping[str, Value]", at.value))
        for index, item in enumerate(items):
            if item.value in [before.value for before in items[:index]]:
                refuse(item.line, f"{item.value!r} stands twice among the fallbacks of {name!r}.", "Remove one.")
            elif elsewhere is not None and item.value not in ways and item.value not in elsewhere:
                what = f"The model {name!r} falls back to {item.value!r}, which this file does not declare."
                refuse(item.line, what, did_you_mean(str(item.value), {*ways, *elsewhere} - {name}))
        sound = {n: tuple(dict.fromkeys(f for f in way if f in ways)) for n, way in ways.items()}
        circle = store.circle(name, sound)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            line = cast("Mapping[str, Value]", at.value)["fallback"].line
            refuse(line, f"The fallbacks go round in a circle: {' -> '.join(circle)}.", "Remove one of them.")


def _items(fields: Mapping[str, Value]) -> list[Value]:
    return cast("list[Value]", fields["fallback"].value) if "fallback" in fields else []


def _numbers(at: Value | None) -> dict[str, Any]:
    return {} if at is None else {name: value.value for name, value in cast("Mapping[str, Value]", at.value).items()}


def _try(line: int, rule: Callable[[], Any], refuse: Refuse) -> None:
    """What a rule refuses is a mistake of that line."""
    try:
        rule()
    except InvalidRequest as error:
        refuse(line, error.message, error.fix)
