"""Z.ai (GLM): https://docs.z.ai/api-reference/llm/chat-completion

Its reference has ``max_tokens`` only. What went wrong is told as numbers (https://docs.z.ai/api-reference/api-code). A
prompt that is too long may be taken without a word. Subscriptions for coding are at another address: give
``https://api.z.ai/api/coding/paas/v4`` as base URL.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="zai",
    title="Z.ai",
    dialect="openai_chat",
    base_url="https://api.z.ai/api/paas/v4",
    key_variable="ZAI_API_KEY",
    price_id="zai",
    quirks=Quirks(renames={"max_completion_tokens": "max_tokens"}, developer_role=False),
    models=("glm-4.6", "glm-5.3"),
)
