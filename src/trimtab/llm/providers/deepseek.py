"""DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion

Its reference knows ``max_tokens`` only, and the roles system, user, assistant and tool. It answers with
``reasoning_content``.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="deepseek",
    title="DeepSeek",
    dialect="openai_chat",
    base_url="https://api.deepseek.com/v1",
    key_variable="DEEPSEEK_API_KEY",
    price_id="deepseek",
    quirks=Quirks(renames={"max_completion_tokens": "max_tokens"}, developer_role=False),
    models=("deepseek-chat", "deepseek-reasoner"),
)
