"""Vertex AI in express mode: https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview

Calls have ids from Gemini 3 on: https://github.com/BerriAI/litellm/pull/34603 and
https://github.com/mlflow/mlflow/issues/24127

With an API key. A project of one's own, by a service account or the machine's identity, is ``vertex_project``.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="vertex",
    title="Google Vertex AI (express mode)",
    dialect="gemini",
    base_url="https://aiplatform.googleapis.com/v1/publishers/google",
    key_variable="GOOGLE_API_KEY",
    price_id="google",
    quirks=Quirks(bare_counts=True, calls_without_ids=r"gemini-[12]"),
    models=("gemini-2.5-flash",),
)
