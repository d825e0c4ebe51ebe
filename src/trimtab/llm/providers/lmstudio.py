"""LM Studio: https://lmstudio.ai/docs/developer/openai-compat"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="lmstudio",
    title="LM Studio",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="http://127.0.0.1:1234/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(developer_role=False),
)
