"""Moonshot AI (Kimi): https://platform.moonshot.ai/docs/api/chat

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. Where tools were called, its
models that think refuse (400, "reasoning_content is missing in assistant tool call message") a conversation without
their thoughts; an empty one will do. Kimi models take no ``temperature`` but their own: a call with another is refused,
and goes to the next target. Whoever thinks takes no tool by its name ("tool_choice 'specified' is incompatible with
thinking enabled"), but Kimi K3 one that is required: https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152. Its
efforts are low, high and max: https://platform.kimi.ai/docs/guide/use-reasoning-effort
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
    quirks=Quirks(
        max_tokens_field="max_completion_tokens",
        developer_role=False,
        thoughts_return=True,
        named_choice=False,
        efforts=((r"kimi-k[3-9]", ("low", "high", "max")), ("", ("low", "medium", "high"))),
    ),
    models=("kimi-k2.6", "kimi-k3"),
)
