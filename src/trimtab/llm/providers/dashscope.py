"""Alibaba Cloud Model Studio (Qwen): https://www.alibabacloud.com/help/en/model-studio/qwen-api-reference

The address is that of Singapore. Other regions, and workspaces with an address of their own, are reached by giving it
as base URL, e.g. ``https://dashscope.aliyuncs.com/compatible-mode/v1``. A call that marks parts of its prompt
(``cache_control``) writes an explicit cache, which is counted as written.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="dashscope",
    title="Alibaba Cloud Model Studio",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    key_variable="DASHSCOPE_API_KEY",
    quirks=Quirks(renames={"max_completion_tokens": "max_tokens"}, developer_role=False),
    models=("qwen3-max", "text-embedding-v4"),
)
