"""Google's Gemini API: https://ai.google.dev/api

Its tiers ``flex`` and ``priority`` mean what OpenAI's do: https://ai.google.dev/gemini-api/docs/optimization
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="gemini",
    title="Google Gemini",
    dialect="gemini",
    operations={"embeddings": "gemini_embeddings"},
    base_url="https://generativelanguage.googleapis.com/v1beta",
    key_variable="GEMINI_API_KEY",
    price_id="google",
    quirks=Quirks(tiers=("flex", "priority")),
    models=("gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001"),
)
