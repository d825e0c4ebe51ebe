"""OpenRouter: https://openrouter.ai/docs/api-reference/chat-completion

Thoughts come in ``reasoning``, and with what their makers signed in ``reasoning_details``, which it wants back where
tools are called: https://openrouter.ai/docs/guides/best-practices/reasoning-tokens

What it takes for a call stands in the answer: https://openrouter.ai/docs/use-cases/usage-accounting
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="openrouter",
    title="OpenRouter",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://openrouter.ai/api/v1",
    key_variable="OPENROUTER_API_KEY",
    price_id="openrouter",
    bills=True,
    quirks=Quirks(developer_role=False, thoughts_details=True),
    models=("openai/gpt-4o-mini",),
)
