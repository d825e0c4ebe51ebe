"""DeepInfra: https://deepinfra.com/docs/advanced/openai_api"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="deepinfra",
    title="DeepInfra",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://api.deepinfra.com/v1/openai",
    key_variable="DEEPINFRA_API_KEY",
    quirks=Quirks(renames={"max_completion_tokens": "max_tokens"}, developer_role=False),
    models=("openai/gpt-oss-120b",),
)
