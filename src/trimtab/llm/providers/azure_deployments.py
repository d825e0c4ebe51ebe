"""Azure OpenAI by the path of deployments: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference

The form before v1: the deployment stands in the path, and every call names an API version. It is spoken to in Chat
Completions alone, so that what the newest models do in Responses only is refused: the kind ``azure`` has both.
"""

from trimtab.llm.auth import Auth
from trimtab.llm.dialects import OPENAIS_HINTS, Quirks
from trimtab.llm.entra import IDENTITIES
from trimtab.llm.entra import OPTIONS as ENTRA
from trimtab.llm.providers import ENTRA_OPTIONS, Option, ProviderKind

PLUG = ProviderKind(
    name="azure_deployments",
    title="Azure OpenAI (deployments)",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="https://{resource}.openai.azure.com/openai",
    auth=Auth("header", "api-key"),
    query={"api-version": "api_version"},
    options=(
        Option(name="resource", about="the name of the Azure resource: RESOURCE.openai.azure.com."),
        Option(name="api_version", about="the API version of every call.", required=True, default="2024-10-21"),
        *ENTRA_OPTIONS,
    ),
    key_options=ENTRA,
    identities=IDENTITIES,
    key_variable="AZURE_OPENAI_API_KEY",
    price_id="azure",
    quirks=Quirks(
        max_tokens_field="max_completion_tokens",
        hints=OPENAIS_HINTS,
        path_prefix="/deployments/{model}",
        by_responses=True,
    ),
)
