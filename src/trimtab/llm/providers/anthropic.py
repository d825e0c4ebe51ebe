"""Anthropic: https://docs.anthropic.com/en/api/messages"""

from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="anthropic",
    title="Anthropic",
    dialect="anthropic_messages",
    base_url="https://api.anthropic.com/v1",
    key_variable="ANTHROPIC_API_KEY",
    price_id="anthropic",
    passes=("message_batches",),
    models=("claude-sonnet-4-5", "claude-haiku-4-5"),
)
