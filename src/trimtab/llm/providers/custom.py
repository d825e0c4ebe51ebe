"""Any server that speaks one of our dialects: the caller gives the dialect and the base URL."""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="custom",
    title="Any compatible server",
    dialect="openai_chat",
    needs_key=False,
    quirks=Quirks(developer_role=False),
)
