"""xAI: https://docs.x.ai/docs/api-reference

Responses are what it recommends, with its tools and its own ids: clients that speak them are passed on. The Chat
Completions that other clients' calls become show no thoughts.
https://docs.x.ai/developers/model-capabilities/text/comparison

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. Reasoning is counted beside
``completion_tokens``, and billed as output. What a call came to, its tools included, stands in the answer:
https://docs.x.ai/developers/cost-tracking
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="xai",
    title="xAI",
    dialect="openai_chat",
    also=("openai_responses",),
    base_url="https://api.x.ai/v1",
    key_variable="XAI_API_KEY",
    price_id="x-ai",
    bills=True,
    quirks=Quirks(max_tokens_field="max_completion_tokens", hints=("prompt_cache_key",), tiers=("priority",)),
    passes=("images", "files", "batches"),
    models=("grok-4", "grok-3-mini"),
)
