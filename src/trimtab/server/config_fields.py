"""What may stand in the config file, as data: read by the reader (`config_file.py`) and published as a JSON schema.

``python -m trimtab.server.config_fields > schemas/config.schema.json`` writes the schema; a test fails when stale.
"""

from typing import Any, Literal

from msgspec import Struct

from trimtab.server import config_routes

Shape = Literal["text", "number", "texts", "text_map", "section", "sections", "trees"]


class Field(Struct, frozen=True, kw_only=True):
    """One key. ``env`` allows ``env:NAME``; ``fields`` are those of a section, or of each of a map of sections (``one``
    is what one of them is called); ``bounds`` are a number's; ``trees`` are read by `config_routes.py`."""

    about: str
    shape: Shape = "text"
    required: bool = False
    env: bool = False
    fields: dict[str, "Field"] = {}
    one: str = ""
    bounds: tuple[float, float] = (0, 1_000_000)


def _seconds(about: str) -> Field:
    return Field(shape="number", about=about, bounds=(0.001, 86_400))


def _price(about: str, *, required: bool = False) -> Field:
    return Field(shape="number", about=about, required=required)


PROVIDER: dict[str, Field] = {
    "kind": Field(
        about="A vendor known here, e.g. openai; by default the provider's own name if it is one, else custom."
    ),
    "dialect": Field(about="The wire format it speaks, e.g. openai_chat; by default its kind's."),
    "base_url": Field(about="Where it is, e.g. http://127.0.0.1:9100/v1; by default its kind's.", env=True),
    "api_key": Field(about="Its key; write env:NAME to take it from the environment.", env=True),
    "headers": Field(shape="text_map", about="More headers to send; values may be env:NAME.", env=True),
    "options": Field(
        shape="text_map",
        about="What its kind asks for besides, e.g. region of bedrock; values may be env:NAME.",
        env=True,
    ),
    "timeouts": Field(
        shape="section",
        about="Bounds in seconds.",
        fields={
            "connect": _seconds("To open a connection."),
            "first_token": _seconds("From the request to the first byte of the answer."),
            "idle": _seconds("Between two reads of a stream."),
            "total": _seconds("For one whole attempt."),
        },
    ),
}
MODEL: dict[str, Field] = {
    "provider": Field(about="The name of a provider of this file.", required=True),
    "model": Field(about="The provider's own id for it; by default the model's name here. The same as 'upstream'."),
    "upstream": Field(about="The same as 'model'."),
    "fallback": Field(shape="texts", about="Further models of this file, tried in order until one begins to answer."),
    "price": Field(
        shape="section",
        about="What it costs you, in US dollars per million tokens; by default the price book's row.",
        fields={
            "input": _price("Input.", required=True),
            "output": _price("Output, hidden reasoning included.", required=True),
            "cache_read": _price("Input read from the provider's cache; by default as input."),
            "cache_write": _price("Input written to the provider's cache; by default as input."),
        },
    ),
}
PRICE: dict[str, Field] = {
    "provider": Field(about="The provider's name, or a pattern such as 'openai*'; by default every provider."),
    "model": Field(about="The provider's id for the model, or a pattern such as 'gpt-4o*'.", required=True),
    "from": Field(about="The first moment it holds, e.g. 2026-01-01 (UTC); by default always."),
    "to": Field(about="The first moment it no longer holds; by default never."),
    "input": _price("Input, US dollars per million tokens."),
    "output": _price("Output, hidden reasoning included."),
    "cache_read": _price("Input read from the provider's cache; by default as input."),
    "cache_write": _price("Input written to the provider's cache; by default as input."),
    "cache_write_1h": _price("The same, kept for an hour; by default as cache_write."),
    "reasoning": _price("Hidden reasoning; by default as output."),
    "audio_input": _price("Audio in; by default as input."),
    "audio_output": _price("Audio out; by default as output."),
    "per_request": _price("US dollars per call."),
    "per_image": _price("US dollars per image made."),
    "note": Field(about="Why, for people."),
}
TOP: dict[str, Field] = {
    "project": Field(about="The project these belong to (its slug); made if it is not there. By default 'default'."),
    "providers": Field(shape="sections", about="Providers, by name.", one="the provider", fields=PROVIDER),
    "models": Field(shape="sections", about="Models that clients may call, by name.", one="the model", fields=MODEL),
    "prices": Field(shape="sections", about="Your own dated prices, by any name.", one="the price", fields=PRICE),
    "routes": Field(shape="trees", about="Routes that clients may call, by name: trees of targets.", one="the route"),
}


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12), for editors and for checks outside of Trimtab."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trimtab's config file",
        **_section(TOP),
        "$defs": config_routes.schema()[1],
    }


def _section(fields: dict[str, Field]) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"description": field.about, **_field(field)} for name, field in fields.items()},
    }
    required = [name for name, field in fields.items() if field.required]
    return rendered | ({"required": required} if required else {})


def _field(field: Field) -> dict[str, Any]:
    if field.shape == "number":
        return {"type": "number", "minimum": field.bounds[0], "maximum": field.bounds[1]}
    if field.shape == "texts":
        return {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    if field.shape == "text_map":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if field.shape == "section":
        return _section(field.fields)
    if field.shape == "sections":
        return {"type": "object", "additionalProperties": _section(field.fields)}
    if field.shape == "trees":
        return {"type": "object", "additionalProperties": config_routes.schema()[0]}
    return {"type": "string"}


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
