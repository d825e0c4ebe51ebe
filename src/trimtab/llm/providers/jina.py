"""Jina AI: https://api.jina.ai/redoc

Rankings only.
"""

from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="jina",
    title="Jina AI",
    dialect="openai_chat",
    operations={"rerank": "jina_rerank"},
    base_url="https://api.jina.ai/v1",
    key_variable="JINA_API_KEY",
    models=("jina-reranker-v2-base-multilingual",),
)
