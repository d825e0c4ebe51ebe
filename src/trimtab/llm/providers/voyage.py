"""Voyage AI: https://docs.voyageai.com/reference/embeddings-api

Vectors and rankings only. Reranking: https://docs.voyageai.com/reference/reranker-api
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="voyage",
    title="Voyage AI",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings", "rerank": "jina_rerank"},
    base_url="https://api.voyageai.com/v1",
    key_variable="VOYAGE_API_KEY",
    price_id="voyageai",
    quirks=Quirks(dimensions_field="output_dimension", rank_top_field="top_k"),
    models=("voyage-3.5", "rerank-2.5"),
)
