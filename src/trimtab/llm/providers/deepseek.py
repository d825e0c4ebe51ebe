"""DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion

Its reference knows ``max_tokens`` only, and the roles system, user, assistant and tool. It answers with
``reasoning_content``. Its models think unless told otherwise, and in a conversation in which tools were called it
refuses (400) messages of the assistant without that field: https://api-docs.deepseek.com/guides/thinking_mode

While they think they refuse to be made to call a tool (https://github.com/deepseek-ai/DeepSeek-V3/issues/1376): such a
call of another dialect goes without thinking, as one with the effort ``none`` does. The other efforts are high and max.
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
    quirks=Quirks(
        renames={"max_completion_tokens": "max_tokens"},
        developer_role=False,
        thoughts_return=True,
        thinking_switch=True,
        efforts=((r"", ("none", "high", "max")),),
    ),
    models=("deepseek-v4-flash", "deepseek-v4-pro"),
)
