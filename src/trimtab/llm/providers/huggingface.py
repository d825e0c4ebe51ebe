"""Hugging Face: https://huggingface.co/docs/inference-providers/tasks/chat-completion

Prices are those of the provider that the router picks, so the book has none under this name.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="huggingface",
    title="Hugging Face",
    dialect="openai_chat",
    base_url="https://router.huggingface.co/v1",
    key_variable="HF_TOKEN",
    quirks=Quirks(developer_role=False),
    models=("openai/gpt-oss-120b:cheapest",),
)
