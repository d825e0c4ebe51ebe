"""OpenAI: https://platform.openai.com/docs/api-reference/chat

Its newest models do in Responses what they refuse in Chat Completions: calls that they would refuse become Responses.
"""

from trimtab.llm.dialects import OPENAIS_HINTS, Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="openai",
    title="OpenAI",
    dialect="openai_chat",
    also=("openai_responses",),
    operations={"embeddings": "openai_embeddings"},
    base_url="https://api.openai.com/v1",
    key_variable="OPENAI_API_KEY",
    price_id="openai",
    quirks=Quirks(
        max_tokens_field="max_completion_tokens",
        hints=OPENAIS_HINTS,
        tiers=("flex", "priority"),
        by_responses=True,
    ),
    passes=("images", "audio", "files", "batches"),
    models=("gpt-5-mini", "gpt-4o-mini", "text-embedding-3-small"),
)
