"""Mistral AI: https://docs.mistral.ai/api

It refuses fields that its schema does not have, tells usage in the last chunk of every stream unasked, calls the seed
``random_seed`` and the length of vectors ``output_dimension``, and wants the ids of tool calls to be nine letters or
digits. Checked against the types of its Python SDK. Thoughts are chunks of the content. Its messages have no ``name``
and nothing of what OpenAI's answers have beside content and calls.

It refuses (400, 3230) a user's message after a tool's result, which is how Claude Code speaks, a system message after
an answer, and an answer without words and calls: https://github.com/mistralai/mistral-common/issues/169. An answer that
ends the conversation is refused, too, unless it is marked as begun (``prefix``). Few of its models take an effort, and
each its own: https://docs.mistral.ai/inference/conversations/reasoning

Its priority tier is asked for by ``auto``, and told within the usage: https://docs.mistral.ai/inference/priority-tier
"""

from trimtab.llm.dialects import ANSWERED_MEMBERS, Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="mistral",
    title="Mistral AI",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://api.mistral.ai/v1",
    key_variable="MISTRAL_API_KEY",
    price_id="mistral",
    quirks=Quirks(
        developer_role=False,
        stream_usage=False,
        renames={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
        unknown=(
            "user",
            "safety_identifier",
            "stream_options",
            "store",
            "logit_bias",
            "verbosity",
            "prompt_cache_retention",
            "prompt_cache_options",
        ),
        values={"service_tier": ("auto", "standard_only")},
        unknown_members=(*ANSWERED_MEMBERS, "name"),
        tool_id_length=9,
        strict_turns=True,
        efforts=(
            (r"mistral-(?:small|medium)-(?:latest|26|3-5)|magistral-small", ("none", "high")),
            (r"mistral-large-4", ("low", "medium", "high")),
        ),
        thoughts_field="",
        hints=("prompt_cache_key",),
        dimensions_field="output_dimension",
    ),
    passes=("audio", "files"),
    models=("mistral-small-latest", "mistral-embed"),
)
