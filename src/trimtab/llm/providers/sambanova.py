"""SambaNova: https://docs.sambanova.ai/docs/en/features/openai-compatibility

It knows thoughts in a conversation as ``reasoning``. Checked against the types of its Python SDK.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="sambanova",
    title="SambaNova",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://api.sambanova.ai/v1",
    key_variable="SAMBANOVA_API_KEY",
    quirks=Quirks(max_tokens_field="max_completion_tokens", developer_role=False, thoughts_field="reasoning"),
    models=("Meta-Llama-3.3-70B-Instruct",),
)
