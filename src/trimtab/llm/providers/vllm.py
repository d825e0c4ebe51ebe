"""vLLM: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html

Thoughts come in ``reasoning_content`` or ``reasoning``, by its version and its reasoning parser. In a conversation it
reads ``reasoning`` alone (``vllm/entrypoints/chat_utils.py``).
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="vllm",
    title="vLLM",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings", "rerank": "jina_rerank"},
    base_url="http://127.0.0.1:8000/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(developer_role=False, counter="vllm", thoughts_field="reasoning"),
    passes=("audio",),
)
