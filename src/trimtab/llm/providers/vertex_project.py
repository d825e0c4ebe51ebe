"""Vertex AI in a project of one's own: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference

By a service account, or by the identity of the machine (`llm/google.py`), whose tokens are renewed before they end; it
needs the role Vertex AI User. A key here is an access token, which ends within the hour. The location ``global`` has
all models, a region (``europe-west4``) keeps the data there. Its ``countTokens`` takes the members of a call
themselves: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens

Calls have ids from Gemini 3 on: https://github.com/BerriAI/litellm/pull/34603 and
https://github.com/mlflow/mlflow/issues/24127
"""

from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Quirks
from trimtab.llm.google import IDENTITIES, OPTIONS
from trimtab.llm.providers import Option, ProviderKind

PLUG = ProviderKind(
    name="vertex_project",
    title="Google Vertex AI",
    dialect="gemini",
    base_url="https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/publishers/google",
    respelled={"https://global-": "https://"},
    auth=BEARER,
    key_variable="CLOUDSDK_AUTH_ACCESS_TOKEN",
    options=(
        Option(name="project", about="the id of the project.", required=True),
        Option(name="location", about="a region, or global.", default="global"),
        Option(name="client_email", about="the address of a service account, as its key file has it."),
        Option(
            name="private_key",
            about="its key, as its key file has it (with \\n in one line) or as PEM in lines.",
            secret=True,
            lines=True,
        ),
        Option(
            name="identity",
            about="machine, in place of both: who this server is in Google Cloud. Only the config file may say it.",
        ),
    ),
    key_options=OPTIONS,
    identities=IDENTITIES,
    price_id="google",
    quirks=Quirks(bare_counts=True, calls_without_ids=r"gemini-[12]"),
    models=("gemini-2.5-flash", "gemini-2.5-pro"),
)
