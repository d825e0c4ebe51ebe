"""The sections of the emitters, and which are run."""

import os
from typing import Any

ALL = bool(os.environ.get("TRIMTAB_ALL_EMITTERS"))
OPENAI = ("openinference_openai", "openllmetry_openai", "otel_openai_v2")
AGENTS = ("langchain", "pydantic_ai_2", "pydantic_ai_5", "openai_agents", "vercel_7")
PYTHON = (*OPENAI, "langchain", "pydantic_ai_2", "pydantic_ai_5", "openai_agents")
HEAVY = ("llama_index", "dspy")
FRAMEWORKS = ("crewai", "google_adk_2", "google_adk_1")
"""In an environment of their own (`tests/clients/agents`), each in a process: ADK knows one provider of tracers."""
ASKED = "Please use get_weather for Paris."

Trace = dict[str, Any]
