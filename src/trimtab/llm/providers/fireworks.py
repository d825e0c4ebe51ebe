"""Fireworks AI: https://docs.fireworks.ai/api-reference/post-chatcompletions

Efforts are low, medium and high, and none; DeepSeek's models know max besides. Models that do not reason refuse any:
https://docs.fireworks.ai/guides/reasoning, https://github.com/anomalyco/models.dev/pull/4695 and
https://github.com/lambda-symbolics/autolith/pull/25
"""

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
    quirks=Quirks(
        developer_role=False,
        efforts=(
            (r"deepseek-v[4-9]", ("none", "high", "max")),
            (r"llama|mixtral|qwen2|qwen3p7-plus", ()),
            (r"", ("none", "low", "medium", "high")),
        ),
    ),
    models=("accounts/fireworks/models/llama-v3p3-70b-instruct",),
)
