"""MiniMax: https://platform.minimax.io/docs/api-reference/text-openai-api

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. Models before M3.1 think within
``<think>`` in the content, or in ``reasoning_details`` where the client asks for ``reasoning_split``. Their thoughts
stand apart at its Anthropic-compatible address, which it recommends: a provider of the kind ``custom`` with the dialect
``anthropic_messages`` at ``https://api.minimax.io/anthropic/v1``.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="minimax",
    title="MiniMax",
    dialect="openai_chat",
    base_url="https://api.minimax.io/v1",
    key_variable="MINIMAX_API_KEY",
    price_id="minimax",
    quirks=Quirks(max_tokens_field="max_completion_tokens", developer_role=False),
    models=("MiniMax-M3", "MiniMax-M2.5"),
)
