"""Together AI: https://docs.together.ai/reference/chat-completions-1

Reranking: https://docs.together.ai/reference/rerank-1

Its reference, and the types of its Python SDK, have ``max_tokens`` only: a bound by the newer name would bind nothing.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="together",
    title="Together AI",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings", "rerank": "jina_rerank"},
    base_url="https://api.together.ai/v1",
    key_variable="TOGETHER_API_KEY",
    price_id="together",
    quirks=Quirks(renames={"max_completion_tokens": "max_tokens"}, developer_role=False),
    passes=("images", "audio"),
    models=("meta-llama/Llama-3.3-70B-Instruct-Turbo",),
)
