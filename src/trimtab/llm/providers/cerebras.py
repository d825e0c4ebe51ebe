"""Cerebras: https://inference-docs.cerebras.ai/api-reference/chat-completions

It refuses (422) fields that its schema does not have, and knows thoughts in a conversation as ``reasoning``. Checked
against the types of its Python SDK.
"""

from trimtab.llm.dialects import ANSWERED_MEMBERS, Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="cerebras",
    title="Cerebras",
    dialect="openai_chat",
    base_url="https://api.cerebras.ai/v1",
    key_variable="CEREBRAS_API_KEY",
    price_id="cerebras",
    quirks=Quirks(
        max_tokens_field="max_completion_tokens",
        unknown=(
            "safety_identifier",
            "store",
            "metadata",
            "verbosity",
            "prompt_cache_retention",
            "prompt_cache_options",
        ),
        unknown_members=ANSWERED_MEMBERS,
        thoughts_field="reasoning",
        hints=("prompt_cache_key",),
        efforts=((r"llama", ()), (r"", ("none", "low", "medium", "high"))),
    ),
    models=("llama3.1-8b", "gpt-oss-120b"),
)
