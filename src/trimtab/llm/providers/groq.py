"""Groq: https://console.groq.com/docs/api-reference

Its reference calls ``max_tokens`` deprecated in favour of ``max_completion_tokens``. It calls thoughts ``reasoning``,
and refuses them by another name, as it does ("property 'refusal' is unsupported") what OpenAI's answers have beside
content and calls, and, of the names in messages, those of who speaks: https://console.groq.com/docs/openai. Few of its
models take an effort, each its own (``groq.types.chat.completion_create_params``), and the others refuse any
(https://github.com/iamsrikanthnani/pluely/issues/242).
"""

from trimtab.llm.dialects import ANSWERED_MEMBERS, Quirks
from trimtab.llm.providers import ProviderKind

PLUG = ProviderKind(
    name="groq",
    title="Groq",
    dialect="openai_chat",
    base_url="https://api.groq.com/openai/v1",
    key_variable="GROQ_API_KEY",
    price_id="groq",
    quirks=Quirks(
        max_tokens_field="max_completion_tokens",
        thoughts_field="reasoning",
        unknown_members=(*ANSWERED_MEMBERS, "name"),
        efforts=(
            (r"gpt-oss", ("low", "medium", "high")),
            (r"qwen3\.8", ("none", "low", "medium", "high")),
            (r"qwen", ("none", "default")),
            (r"", ()),
        ),
    ),
    passes=("audio", "files", "batches"),
    models=("llama-3.3-70b-versatile", "openai/gpt-oss-120b"),
)
