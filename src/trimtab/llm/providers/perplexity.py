"""Perplexity, its Agent API: https://docs.perplexity.ai/docs/agent-api/openai-compatibility

It speaks OpenAI's Responses. The Chat Completions of its Sonar models ended on 2026-09-27; ``sonar`` is
``perplexity/sonar`` now. Searches and other tools are billed beside tokens: its answers say what all of it comes to.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="perplexity",
    title="Perplexity",
    dialect="openai_responses",
    base_url="https://api.perplexity.ai/v1",
    key_variable="PERPLEXITY_API_KEY",
    price_id="perplexity",
    bills=True,
    quirks=Quirks(developer_role=False),
    models=("perplexity/sonar",),
)
