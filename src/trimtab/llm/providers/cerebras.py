"""Cerebras: https://inference-docs.cerebras.ai/api-reference/chat-completions"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="cerebras",
    title="Cerebras",
    dialect="openai_chat",
    base_url="https://api.cerebras.ai/v1",
    key_variable="CEREBRAS_API_KEY",
    price_id="cerebras",
    quirks=Quirks(max_tokens_field="max_completion_tokens", developer_role=False),
    models=("llama3.1-8b", "gpt-oss-120b"),
)
