"""Moonshot AI (Kimi): https://platform.moonshot.ai/docs/api/chat

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. Where tools were called, its
models that think refuse (400, "reasoning_content is missing in assistant tool call message") a conversation without
their thoughts; an empty one will do. Kimi models take no ``temperature`` but their own: a call with another is refused,
and goes to the next target.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="moonshot",
    title="Moonshot AI",
    dialect="openai_chat",
    base_url="https://api.moonshot.ai/v1",
    key_variable="MOONSHOT_API_KEY",
    price_id="moonshotai",
    quirks=Quirks(max_tokens_field="max_completion_tokens", developer_role=False, thoughts_return=True),
    models=("kimi-k2.6", "kimi-k3"),
)
