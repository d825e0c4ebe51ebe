"""llama.cpp server: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md

A tool that is demanded by its name is taken for one that may be called, without a word
(https://github.com/ggml-org/llama.cpp/issues/26535), and where the model's template knows no tools all of them are
left out (``chat_template_caps`` at its ``/props`` tells). An answer that the call began (a message of the assistant's
at the end) comes back whole with its beginning, and in a stream without. With ``n`` above 1 its usage is that of one
answer.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="llamacpp",
    title="llama.cpp server",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings", "rerank": "jina_rerank"},
    base_url="http://127.0.0.1:8080/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(developer_role=False, named_choice=False, counter="llamacpp"),
)
