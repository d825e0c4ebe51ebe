"""Any server that speaks one of our dialects: the caller gives the dialect and the base URL."""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="custom",
    title="Any compatible server",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings", "rerank": "cohere_rerank"},
    needs_key=False,
    quirks=Quirks(developer_role=False),
    passes=("images", "audio", "files", "batches", "message_batches"),
)
