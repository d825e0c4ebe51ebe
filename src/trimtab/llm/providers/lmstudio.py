"""LM Studio: https://lmstudio.ai/docs/developer/openai-compat

Its list of supported parameters has ``max_tokens`` only. It refuses (400) a tool that is demanded by its name
(https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/670) and JSON without a schema
(https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/189).
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="lmstudio",
    title="LM Studio",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="http://127.0.0.1:1234/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(
        renames={"max_completion_tokens": "max_tokens"},
        developer_role=False,
        named_choice=False,
        json_object=False,
    ),
)
