"""Cohere: https://docs.cohere.com/v2/reference/chat, /v2/reference/embed, /v2/reference/rerank"""

from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="cohere",
    title="Cohere",
    dialect="cohere_chat",
    operations={"embeddings": "cohere_embeddings", "rerank": "cohere_rerank"},
    base_url="https://api.cohere.com/v2",
    key_variable="CO_API_KEY",
    price_id="cohere",
    models=("command-a-03-2025", "embed-v4.0", "rerank-v3.5"),
)
