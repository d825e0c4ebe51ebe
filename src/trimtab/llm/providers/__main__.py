"""The page of vendors, from their rows: ``python -m trimtab.llm.providers > docs/providers.md``."""

import sys
from importlib import import_module
from inspect import getdoc

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind

HEAD = """\
# Providers

The kinds of provider that Trimtab knows. Each is one file of data in `src/trimtab/llm/providers/`; this page is
generated from them (run `make docs`). A server that is not in the list is of the kind `custom`: give its base URL, and
the dialect it speaks.

A provider is declared in the console, in the config file, by the API, or with `trimtab providers add`:

    providers:
      openai:
        api_key: env:OPENAI_API_KEY
      azure:
        api_key: env:AZURE_OPENAI_API_KEY
        options:
          resource: my-resource
      bedrock:
        options:
          region: eu-west-1
          access_key_id: env:AWS_ACCESS_KEY_ID
          secret_access_key: env:AWS_SECRET_ACCESS_KEY

Where this server runs in the provider's cloud, it needs no key: the option `identity` (`managed` or `workload` for
Azure, `machine` for Bedrock and Vertex AI) shows who the server itself is there, by tokens and credentials that are
renewed before they end. That is the operator's to lend: only the config file may say it, and the API refuses it.

Options are kept as keys are: sealed at rest, and the secret ones never shown again. A kept key, secret header or
option is sent to no other address than it was given for: who gives a provider
[another](security.md#what-is-kept-goes-to-no-other-address) gives them again, also where the address was made with an
option (a region, a resource) and follows it. What the dialects do is in [dialects.md](dialects.md). *Passes* are the
endpoints whose calls go through as they are: `/v1/images`, `/v1/audio`, `/v1/files`, `/v1/batches`, and for what speaks
Anthropic's dialect `/v1/messages/batches` (`message_batches`).

A price is the list price of the packaged price book, where it has one for the vendor; otherwise a cost is unknown, not
zero, until a price is set on the model. Kinds that run on one's own machine have no price.
"""

_COUNTERS = {
    "llamacpp": "(`/v1/chat/completions/input_tokens`)",
    "vllm": "(`/tokenize`)",
    "anthropic": "(`/v1/messages/count_tokens`)",
}


def page() -> str:
    """The whole page, in Markdown."""
    kinds = PROVIDER_KINDS.all()
    table = ["| kind | vendor | chat | embeddings | rerank | passes | prices |", "|---|---|---|---|---|---|---|"]
    table += [_row(kind) for kind in kinds.values()]
    return "\n".join([HEAD, *table, "", *(_section(name, kind) for name, kind in kinds.items())])


def _row(kind: ProviderKind) -> str:
    tasks = [f"`{kind.operations[name]}`" if name in kind.operations else "" for name in ("embeddings", "rerank")]
    price = "none by nature" if kind.free else (f"`{kind.price_id}`" if kind.price_id else "unknown")
    cells = (f"[`{kind.name}`](#{kind.name})", kind.title, f"`{kind.dialect}`", *tasks, ", ".join(kind.passes), price)
    return f"| {' | '.join(cells)} |"


def _section(name: str, kind: ProviderKind) -> str:
    doc = (getdoc(import_module(f"trimtab.llm.providers.{name}")) or "").strip()
    lines = [f"## {name}", "", doc, ""]
    if kind.base_url:
        lines.append(f"- at `{kind.base_url}`")
    if kind.key_variable:
        lines.append(f"- key: `{kind.key_variable}` is what its own clients read")
    for option in kind.options:
        more = ", required" if option.required else ""
        more += f", by default `{option.default}`" if option.default else ""
        lines.append(f"- option `{option.name}`{more}{', secret' if option.secret else ''}: {option.about}")
    lines += [f"- {told}" for told in _quirks(kind.quirks)]
    return "\n".join(lines) + "\n"


def _quirks(quirks: Quirks) -> list[str]:
    """What is not as the dialect's own vendor has it, one phrase each."""
    plain = Quirks()
    found: list[str] = []
    if quirks.max_tokens_field != plain.max_tokens_field:
        found.append(f"the bound on output goes as `{quirks.max_tokens_field}`")
    if not quirks.stream_usage:
        found.append("usage in streams is told unasked")
    if not quirks.developer_role:
        found.append("`developer` messages of other dialects become `system`")
    found += [f"`{name}` is sent as `{other}`" for name, other in quirks.renames.items()]
    if quirks.unknown:
        found.append(f"never sent: {', '.join(f'`{name}`' for name in quirks.unknown)}")
    found += [
        f"`{name}` is sent as {' or '.join(f'`{value}`' for value in known)} alone"
        for name, known in quirks.values.items()
    ]
    if quirks.unknown_members:
        members = ", ".join(f"`{name}`" for name in quirks.unknown_members)
        found.append(f"left out of messages that clients send back: {members}")
    if quirks.tool_id_length:
        found.append(f"ids of tool calls become {quirks.tool_id_length} letters or digits")
    if quirks.efforts:
        found.append("an effort of another dialect becomes the nearest that the model has, or is left out")
    if quirks.thinking_switch:
        found.append("calls of other dialects go without thinking where none is wanted and where a tool must be called")
    if quirks.by_responses:
        found.append("what the newest models refuse in Chat Completions is asked of Responses, where it speaks them")
    if quirks.strict_turns:
        found.append(
            "between a tool's result and the user's next words comes a word of the assistant's, system messages after "
            "an answer move to the front, empty answers are left out, and an answer at the end is followed by a wish "
            "to go on"
        )
    if quirks.thoughts_return:
        found.append("where tools were called, each message of the assistant has `reasoning_content`, if an empty one")
    if quirks.thoughts_field != plain.thoughts_field:
        taken = quirks.thoughts_field
        found.append(f"thoughts go back as `{taken}`" if taken else "thoughts in a conversation are left out")
    if quirks.thoughts_details:
        found.append("signed thoughts go back as `reasoning_details`, whoever's client hands them back")
    if quirks.hints:
        found.append(f"hints of other dialects that it knows: {', '.join(f'`{name}`' for name in quirks.hints)}")
    if quirks.tiers:
        found.append(
            f"service tiers that calls of other dialects reach: {', '.join(f'`{name}`' for name in quirks.tiers)}"
        )
    if quirks.dimensions_field != plain.dimensions_field:
        found.append(f"the length of vectors goes as `{quirks.dimensions_field}`")
    if quirks.rank_top_field != plain.rank_top_field:
        found.append(f"the bound of a ranking goes as `{quirks.rank_top_field}`")
    if quirks.calls_without_ids:
        found.append(f"ids of calls are left out for models whose names match `{quirks.calls_without_ids}`")
    if not quirks.named_choice:
        found.append("a tool demanded by its name is the only one offered, and one must be called")
    if not quirks.json_object:
        found.append("JSON without a schema is asked for by that of any object")
    if quirks.counter:
        found.append(f"tokens are counted by it {_COUNTERS[quirks.counter]}, where its version can")
    if quirks.path_prefix:
        found.append(f"paths begin with `{quirks.path_prefix}`")
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
