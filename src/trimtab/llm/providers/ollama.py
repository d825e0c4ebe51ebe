"""Ollama: https://docs.ollama.com/api/openai-compatibility

Its list of supported fields has ``max_tokens`` only, and no ``n``; few of its versions read ``tool_choice``. In a
conversation it reads thoughts as ``reasoning`` (``openai/openai.go``). It knows the efforts high, medium, low, max and
none: https://github.com/ollama/ollama/pull/17141. A prompt that is longer than its context may be cut without a word;
how long that is cannot be said in a call: set ``OLLAMA_CONTEXT_LENGTH`` there, or ``num_ctx`` in a Modelfile. A picture
by an address is refused, and the call goes to the next target.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="ollama",
    title="Ollama",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    base_url="http://127.0.0.1:11434/v1",
    needs_key=False,
    free=True,
    quirks=Quirks(
        renames={"max_completion_tokens": "max_tokens"},
        developer_role=False,
        thoughts_field="reasoning",
        efforts=(("", ("none", "low", "medium", "high", "max")),),
        named_choice=False,
    ),
    passes=("images", "audio"),
)
