"""The sections of the emitters, and which are run."""

import os
from typing import Any

ALL = bool(os.environ.get("TRIMTAB_ALL_EMITTERS"))
OPENAI = ("openinference_openai", "openllmetry_openai", "otel_openai_v2", "langsmith_openai")
CLAUDE = ("anthropics_own", "otel_genai_anthropic")
GRAPHS = ("langchain", "otel_genai_langchain")
AGENTS = (*GRAPHS, "pydantic_ai_2", "pydantic_ai_5", "openai_agents", "otel_genai_agents", "vercel_7")
OF_NEWEST = (
    "openinference_openai",
    "openllmetry_openai",
    "otel_genai_openai",
    "anthropics_runner",
    *CLAUDE,
    *AGENTS[:-1],
)
"""Run beside the newest versions of the vendors' clients."""
OF_OLDER = ("otel_openai_v2", "langsmith_openai", "langfuse_openai")
HEAVY = ("llama_index", "dspy")
FRAMEWORKS = ("crewai", "google_adk_2", "google_adk_1")
"""In an environment of their own (`tests/clients/agents`), each in a process: ADK knows one provider of tracers."""
ASKED = "Please use get_weather for Paris."

Trace = dict[str, Any]
