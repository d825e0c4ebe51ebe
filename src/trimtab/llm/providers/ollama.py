"""Ollama: https://docs.ollama.com/api/openai-compatibility

Its list of supported fields has ``max_tokens`` only.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="ollama",
    title="Ollama",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="http://127.0.0.1:11434/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(renames={"max_completion_tokens": "max_tokens"}, developer_role=False),
)
