"""llama.cpp server: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="llamacpp",
    title="llama.cpp server",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings", "rerank": "jina_rerank"},
    base_url="http://127.0.0.1:8080/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(developer_role=False, counter="llamacpp"),
)
