"""Perplexity: https://docs.perplexity.ai/api-reference/chat-completions-post"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="perplexity",
    title="Perplexity",
    dialect="openai_chat",
    base_url="https://api.perplexity.ai",
    key_variable="PERPLEXITY_API_KEY",
    price_id="perplexity",
    quirks=Quirks(developer_role=False),
    models=("sonar", "sonar-pro"),
)
