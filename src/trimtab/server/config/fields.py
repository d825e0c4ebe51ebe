"""What may stand in the config file, as data: read by the reader (`config/file.py`) and published as a JSON schema.

``python -m trimtab.server.config.fields > schemas/config.schema.json`` writes the schema; a test fails when stale.
"""

from typing import Any, Literal

from msgspec import Struct

from trimtab.server.config import routes as config_routes

Shape = Literal["text", "number", "texts", "text_map", "section", "sections", "trees", "flag", "days", "amount"]


class Field(Struct, frozen=True, kw_only=True):
    """One key. ``env`` allows ``env:NAME``; ``fields`` are those of a section, or of each of a map of sections (``one``
    is what one of them is called); ``bounds`` are a number's; ``trees`` are read by `config/routes.py`,
    but for ``fields``, which stand beside each; an ``amount`` is a number whose every digit counts: it is read as its
    text."""

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


def _amount(about: str) -> Field:
    return Field(shape="amount", about=about)


def _count(about: str, low: float, high: float) -> Field:
    return Field(shape="number", about=about, bounds=(low, high))


RESILIENCE = Field(
    shape="section",
    about="How hard the gateway tries here (docs/resilience.md); a model's own replaces its provider's whole.",
    fields={
        "attempts": _count("The most attempts of one call.", 1, 20),
        "retries": Field(
            shape="section",
            about="How often one call asks again after each class of failure.",
            fields={
                "connection": _count("Not reached, or closed before it answered.", 0, 20),
                "timeout": _count("No first token in time; streams only.", 0, 20),
                "server": _count("5xx.", 0, 20),
                "rate_limited": _count("429.", 0, 20),
                "broken": _count("An answer that is none, before its first token.", 0, 20),
            },
        ),
        "backoff_ms": _count("The longest random pause before the first repeat; doubled each time.", 0, 60_000),
        "max_backoff_ms": _count("The longest random pause before any repeat.", 0, 600_000),
        "retry_ratio": _count("Repeats that each call earns, for all calls together.", 0, 10),
        "retry_per_s": _count("Repeats that each second earns.", 0, 10_000),
        "limit_wait_s": _count("Wait for a provider's rate limit to end if it takes no longer.", 0, 600),
        "deadline_s": _count("The longest a whole call may take.", 0.01, 86_400),
        "breaker": Field(
            shape="section",
            about="When a target that fails is left alone.",
            fields={
                "failures_in_a_row": _count("Failures in a row that open it.", 1, 10_000),
                "failure_rate": _count("Share of failures in the window that opens it.", 0, 1),
                "min_calls": _count("Attempts in the window below which the share says nothing.", 1, 100_000),
                "window_s": _count("Seconds of the window.", 1, 3600),
                "open_s": _count("Seconds it stays open at first; doubled with each failed probe.", 0.01, 3600),
                "max_open_s": _count("Seconds it stays open at most.", 0.01, 3600),
                "probes": _count("Calls that may try at once after that, and answers that close it.", 1, 100),
            },
        ),
        "hedge": Field(
            shape="section",
            about="Ask a second target when the first takes long; the first token wins.",
            fields={
                "after_ms": _count("Milliseconds without a first token.", 1, 600_000),
                "after": Field(about="p95: the 95th percentile of the target's last answers."),
                "max_extra_ratio": _count("The share of calls that may be asked twice.", 0, 1),
            },
        ),
        "concurrency": Field(
            shape="section",
            about="How many calls at a time, per worker process; the others wait in turn.",
            fields={
                "limit": Field(shape="number", about="Calls at a time.", bounds=(1, 1_000_000), required=True),
                "queue": _count("Calls that may wait.", 0, 1_000_000),
                "max_wait_s": _count("Seconds that each may wait.", 0, 3600),
            },
        ),
    },
)
PROVIDER: dict[str, Field] = {
    "kind": Field(
        about="A vendor known here, e.g. openai; by default the provider's own name if it is one, else custom."
    ),
    "dialect": Field(about="The wire format it speaks, e.g. openai_chat; by default its kind's."),
    "base_url": Field(about="Where it is, e.g. http://127.0.0.1:9100/v1; by default its kind's.", env=True),
    "api_key": Field(about="Its key; write env:NAME to take it from the environment.", env=True),
    "api_keys": Field(
        shape="texts", about="Several keys, used in turn; one at its limit or refused is passed over.", env=True
    ),
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
    "resilience": RESILIENCE,
}
POLICY: dict[str, Field] = {
    "cache": Field(
        shape="section",
        about="Keep answers and give them again (docs/cache.md). Write 'cache: {}' for the defaults.",
        fields={
            "mode": Field(about="exact: to the same request; semantic: also to one that means the same. exact."),
            "ttl": Field(
                shape="number", about="Seconds an answer is kept; 3600 where not given.", bounds=(1, 31 * 86_400)
            ),
            "scope": Field(about="Who shares answers: project, key or user; project for exact, key for semantic."),
            "sampled": Field(
                shape="flag", about="Also keep answers drawn at random (a temperature above 0, or none given)."
            ),
            "threshold": Field(shape="number", about="The least cosine similarity of a semantic hit.", bounds=(0.5, 1)),
        },
    ),
    "context": Field(
        shape="section",
        about="Shorten conversations before they go to a provider (docs/cache.md).",
        fields={
            "max_tokens": _count("Drop the oldest turns above this many tokens, by estimate.", 64, 10_000_000),
            "keep_turns": _count("How many of the last turns are never dropped; 2.", 1, 10_000_000),
            "deduplicate": Field(shape="flag", about="Put a note where a long text stands again."),
            "tool_result_tokens": _count(
                "Keep beginning and end of tool results longer than this many tokens.", 16, 10_000_000
            ),
            "old_turn_tokens": _count(
                "Compress longer messages of older turns to their most telling sentences.", 16, 10_000_000
            ),
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
    "resilience": RESILIENCE,
    **POLICY,
}
PRICE: dict[str, Field] = {
    "provider": Field(about="The provider's name, or a pattern such as 'openai*'; by default every provider."),
    "model": Field(about="The provider's id for the model, or a pattern such as 'gpt-4o*'.", required=True),
    "tier": Field(about="A service tier, e.g. flex, priority or fast+us, or a pattern; by default the standard."),
    "from": Field(about="The first moment it holds, e.g. 2026-01-01 (UTC); by default always."),
    "to": Field(about="The first moment it no longer holds; by default never."),
    "input": _amount("Input, US dollars per million tokens."),
    "output": _amount("Output, hidden reasoning included."),
    "cache_read": _amount("Input read from the provider's cache; by default as input."),
    "cache_write": _amount("Input written to the provider's cache; by default as input."),
    "cache_write_1h": _amount("The same, kept for an hour; by default as cache_write."),
    "reasoning": _amount("Hidden reasoning; by default as output."),
    "audio_input": _amount("Audio in; by default as input."),
    "audio_output": _amount("Audio out; by default as output."),
    "image_input": _amount("Pictures in; by default as input."),
    "image_output": _amount("Pictures out; by default as output."),
    "cache_audio": _amount("Audio read from the provider's cache; by default as cache_read."),
    "cache_image": _amount("Pictures read from the provider's cache; by default as cache_read."),
    "per_request": _amount("US dollars per call."),
    "per_image": _amount("US dollars per image made."),
    "per_search": _amount("US dollars per search of the web by the provider's tool, or per unit of a ranking."),
    "per_file_search": _amount("US dollars per search of the provider's stores of files."),
    "note": Field(about="Why, for people."),
}
LIMIT: dict[str, Field] = {
    "measure": Field(about="What is counted: requests, tokens, concurrency or money.", required=True),
    "bound": Field(
        shape="amount",
        about="How much of it: a count, or US dollars for money.",
        required=True,
        bounds=(0, 9_000_000_000_000_000_000),
    ),
    "window": Field(
        about="Per minute, hour, day, week or month, or rolling_minute to rolling_month; none for concurrency."
    ),
    "timezone": Field(about="Whose midnight begins days, weeks and months, e.g. Europe/Berlin; UTC where not given."),
    "scope": Field(
        shape="section",
        about="Only calls whose values are listed; every call of the project where left out.",
        fields={
            "key": Field(shape="texts", about="Keys, by id or name."),
            "app": Field(shape="texts", about="Names that clients call."),
            "feature": Field(shape="texts", about="Features (the header trimtab-feature)."),
            "user": Field(shape="texts", about="End users (the header trimtab-user, or the dialect's own field)."),
            "model": Field(shape="texts", about="Models that may be asked."),
            "provider": Field(shape="texts", about="Providers that may be asked."),
        },
    ),
    "per": Field(shape="texts", about="Each value counts for itself: of key, app, feature, user, model, provider."),
    "mode": Field(about="hard refuses (the default), soft only tells."),
    "unknown_price": Field(about="Where no price is known: refuse (the default), amount, or ignore."),
    "unknown_amount": Field(
        shape="amount", about="US dollars a call, for unknown_price: amount.", bounds=(0, 9_000_000)
    ),
    "catalog_down": Field(
        about="Where counts cannot be reached and nothing is at hand: refuse (the default for money) or allow."
    ),
    "max_output": Field(
        shape="number", about="Tokens of output to reckon with where the caller sets no bound; 8192.", bounds=(1, 1e7)
    ),
    "cap_output": Field(shape="flag", about="Send that bound to the provider, so that it holds; true."),
    "headers": Field(shape="flag", about="Tell what is left on every answer; false."),
}
RETENTION: dict[str, Field] = {
    "content": Field(shape="days", about="Messages and other long texts, with their blobs."),
    "spans": Field(shape="days", about="Everything else of a span; its texts go with it."),
    "ledger": Field(shape="days", about="The books: a row per attempt, without content."),
    "scores": Field(shape="days", about="Judgements of spans, traces and sessions."),
}
FORWARD: dict[str, Field] = {
    "kind": Field(about="What is there: otlp (a collector), webhook or kafka.", required=True),
    "url": Field(
        about="https://collector.example.com/v1/traces, or kafka://broker-1:9092,broker-2:9092/topic.",
        required=True,
        env=True,
    ),
    "content": Field(about="What of the messages goes along: off (the default), previews or full."),
    "filter": Field(about="Only traces that this search finds (docs/search.md), e.g. 'status:error'."),
    "sample": _count("The share of traces that is sent, by trace id; 1.", 0, 1),
    "quiet_s": _count("Seconds without news after which a trace with its root counts as closed; 10.", 1, 3600),
    "root_wait_s": _count("Seconds after which a trace is sent without its root; 120.", 1, 86_400),
    "enabled": Field(shape="flag", about="false pauses it: what arrives meanwhile is sent later."),
    "headers": Field(shape="text_map", about="Headers to send; values may be env:NAME.", env=True),
    "secret": Field(about="What signs a webhook, 16 characters or more; write env:NAME.", env=True),
    "options": Field(
        shape="text_map", about="Properties of the Kafka client, e.g. sasl.username; values may be env:NAME.", env=True
    ),
}
TOP: dict[str, Field] = {
    "project": Field(about="The project these belong to (its slug); made if it is not there. By default 'default'."),
    "providers": Field(shape="sections", about="Providers, by name.", one="the provider", fields=PROVIDER),
    "models": Field(shape="sections", about="Models that clients may call, by name.", one="the model", fields=MODEL),
    "prices": Field(shape="sections", about="Your own dated prices, by any name.", one="the price", fields=PRICE),
    "policies": Field(
        shape="sections",
        about="Cache and context policies of routes and of provider/model-id, by called name.",
        one="the policy of",
        fields=POLICY,
    ),
    "limits": Field(
        shape="sections", about="Limits and budgets, by name (docs/limits.md).", one="the limit", fields=LIMIT
    ),
    "detectors_off": Field(
        shape="texts", about="Detectors of silent failures that are off (docs/detectors.md), e.g. [refusal]."
    ),
    "retention": Field(
        shape="section",
        about="How long data is kept: days by kind, or keep (docs/retention.md).",
        fields=RETENTION,
    ),
    "forwards": Field(
        shape="sections",
        about="Where closed traces are sent, by name (docs/forward.md).",
        one="the destination",
        fields=FORWARD,
    ),
    "routes": Field(
        shape="trees", about="Routes that clients may call, by name: trees of targets.", one="the route", fields=POLICY
    ),
}


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12), for editors and for checks outside of Trimtab."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trimtab's config file",
        **section(TOP),
        "$defs": route_parts(),
    }


def route_parts() -> dict[str, Any]:
    """The definitions that a route's schema refers to; beside its tree stand its policies."""
    parts = config_routes.schema()[1]
    written = parts["Written"]
    return parts | {"Written": {**written, "properties": written["properties"] | section(POLICY)["properties"]}}


def section(fields: dict[str, Field]) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"description": field.about, **_field(field)} for name, field in fields.items()},
    }
    required = [name for name, field in fields.items() if field.required]
    return rendered | ({"required": required} if required else {})


def _field(field: Field) -> dict[str, Any]:
    if field.shape in ("number", "amount"):
        return {"type": "number", "minimum": field.bounds[0], "maximum": field.bounds[1]}
    if field.shape == "flag":
        return {"type": "boolean"}
    if field.shape == "days":
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 36_500}, {"const": "keep"}]}
    if field.shape == "texts":
        return {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    if field.shape == "text_map":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if field.shape == "section":
        return section(field.fields)
    if field.shape == "sections":
        return {"type": "object", "additionalProperties": section(field.fields)}
    if field.shape == "trees":
        return {"type": "object", "additionalProperties": config_routes.schema()[0]}
    return {"type": "string"}


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
