"""SGLang: https://docs.sglang.ai/basic_usage/openai_api_completions.html"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="sglang",
    title="SGLang",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="http://127.0.0.1:30000/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(developer_role=False, counter="anthropic"),
)
