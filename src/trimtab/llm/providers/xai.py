"""xAI: https://docs.x.ai/docs/api-reference

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. Reasoning is counted beside
``completion_tokens``, and billed as output.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="xai",
    title="xAI",
    dialect="openai_chat",
    base_url="https://api.x.ai/v1",
    key_variable="XAI_API_KEY",
    price_id="x-ai",
    quirks=Quirks(max_tokens_field="max_completion_tokens"),
    passes=("images", "files", "batches"),
    models=("grok-4", "grok-3-mini"),
)
