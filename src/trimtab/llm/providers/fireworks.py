"""Fireworks AI: https://docs.fireworks.ai/api-reference/post-chatcompletions"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="fireworks",
    title="Fireworks AI",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://api.fireworks.ai/inference/v1",
    key_variable="FIREWORKS_API_KEY",
    price_id="fireworks",
    quirks=Quirks(developer_role=False),
    models=("accounts/fireworks/models/llama-v3p3-70b-instruct",),
)
