"""NVIDIA NIM: https://docs.api.nvidia.com/nim/reference/llm-apis

For a NIM of one's own, give its base URL.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="nvidia",
    title="NVIDIA NIM",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://integrate.api.nvidia.com/v1",
    key_variable="NVIDIA_API_KEY",
    quirks=Quirks(developer_role=False),
    models=("meta/llama-3.3-70b-instruct",),
)
