"""Azure OpenAI by its v1 path: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle

A model is called by the name of its deployment: where that names a model of OpenAI's, calls that this one refuses in
Chat Completions become Responses (https://github.com/can1357/oh-my-pi/issues/11052). Results of the content filter
stand in the answers and pass through. A prompt that the filter refuses (400, ``content_filter``) is charged for as
well, says https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming; the refusal tells no tokens,
so its row has no cost. In place of a key an app registration of Entra ID is shown, whose tokens are renewed before they
end (`llm/entra.py`); it needs the role Cognitive Services OpenAI User. So does the identity of the machine:
``workload`` for one that Kubernetes gives (AKS), ``managed`` for one of a virtual machine, of App Service or of
Container Apps.
"""

from trimtab.llm.auth import Auth
from trimtab.llm.dialects import OPENAIS_HINTS, Quirks
from trimtab.llm.entra import IDENTITIES
from trimtab.llm.entra import OPTIONS as ENTRA
from trimtab.llm.providers import ENTRA_OPTIONS, Option, ProviderKind

PLUG = ProviderKind(
    name="azure",
    title="Azure OpenAI",
    dialect="openai_chat",
    also=("openai_responses",),
    operations={"embeddings": "openai_embeddings"},
    base_url="https://{resource}.openai.azure.com/openai/v1",
    auth=Auth("header", "api-key"),
    query={"api-version": "api_version"},
    options=(
        Option(name="resource", about="the name of the Azure resource: RESOURCE.openai.azure.com."),
        Option(name="api_version", about="an API version to name in every call, e.g. preview; by default none."),
        *ENTRA_OPTIONS,
    ),
    key_options=ENTRA,
    identities=IDENTITIES,
    key_variable="AZURE_OPENAI_API_KEY",
    price_id="azure",
    quirks=Quirks(max_tokens_field="max_completion_tokens", hints=OPENAIS_HINTS, by_responses=True),
    passes=("images", "audio", "files", "batches"),
)
