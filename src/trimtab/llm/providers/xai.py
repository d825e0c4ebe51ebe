"""xAI: https://docs.x.ai/docs/api-reference

Responses are what it recommends, with its tools and its own ids: clients that speak them are passed on. The Chat
Completions that other clients' calls become show no thoughts.
https://docs.x.ai/developers/model-capabilities/text/comparison

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. Reasoning is counted beside
``completion_tokens``, and billed as output. What a call came to, its tools included, stands in the answer:
https://docs.x.ai/developers/cost-tracking

Its models refuse penalties, 0 included (https://github.com/miaoxworld/NativeTavern/issues/83), and each effort but
their own; some refuse any: https://docs.x.ai/developers/model-capabilities/text/reasoning,
https://github.com/NousResearch/hermes-agent/pull/23435, https://github.com/theopenco/llmgateway/pull/3669. Those that
reason refuse ``stop`` as well: such a call goes to the next target.
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
    quirks=Quirks(
        max_tokens_field="max_completion_tokens",
        unknown=("presence_penalty", "frequency_penalty"),
        hints=("prompt_cache_key",),
        tiers=("priority",),
        efforts=(
            (r"multi-agent", ("low", "medium", "high", "xhigh")),
            (r"grok-4\.20|grok-4-(?:[01]|fast)|grok-(?:2|3(?!-mini)|code|build|composer)|non-reasoning", ()),
            (r"grok-3-mini", ("low", "high")),
            (r"grok-4\.3|grok-4(?:-latest)?$", ("none", "low", "medium", "high")),
            (r"grok-4\.5", ("low", "medium", "high")),
            (r"", ("low", "medium", "high", "xhigh")),
        ),
    ),
    passes=("images", "files", "batches"),
    models=("grok-4", "grok-3-mini"),
)
