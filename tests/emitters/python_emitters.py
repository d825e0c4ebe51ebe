"""Run by the tests in the environment of the real clients: each section runs one framework with its instrumentation.

    python python_emitters.py SECTION...

Reads ``TRACES`` (an OTLP/HTTP address), ``KEY``, ``MODEL_URL`` (an OpenAI-compatible address) from the environment and
prints a JSON object: the trace id of each section, or what went wrong. Nothing of Trimtab is imported here.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false, reportUnusedFunction=false
# pyright: reportUnknownLambdaType=false

import asyncio
import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MODEL_URL = os.environ.get("MODEL_URL", "")
ASKED = "Please use get_weather for Paris."
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def provider_of(section: str) -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({"service.name": section, "service.version": "1.2.3"}))
    headers = {"authorization": f"Bearer {os.environ['KEY']}"}
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(os.environ["TRACES"], headers=headers, timeout=300))
    )
    return provider


def client() -> Any:
    from openai import OpenAI

    return OpenAI(base_url=MODEL_URL, api_key="k", max_retries=0)


def chat(made: Callable[[], Any] = client) -> None:
    """One call that ends in a call of a tool, one streamed."""
    messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASKED}]
    made().chat.completions.create(model="gpt-4o-mini", messages=messages, tools=[TOOL], temperature=0.5)
    hello: list[Any] = [{"role": "user", "content": "Say hello."}]
    more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    for _ in made().chat.completions.create(model="gpt-4o-mini", messages=hello, **more):
        pass


def instrumented(instrumentor: Any, provider: TracerProvider, run: Callable[[], None]) -> None:
    instrumentor.instrument(tracer_provider=provider)
    try:
        run()
    finally:
        instrumentor.uninstrument()


def openinference_openai(provider: TracerProvider) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    instrumented(OpenAIInstrumentor(), provider, chat)


def openllmetry_openai(provider: TracerProvider) -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    instrumented(OpenAIInstrumentor(), provider, chat)


def otel_openai_v2(provider: TracerProvider) -> None:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    instrumented(OpenAIInstrumentor(), provider, chat)


def langsmith_openai(provider: TracerProvider) -> None:
    """LangSmith's wrapper of the client; its spans go by the process's provider."""
    os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
    from langsmith import Client, tracing_context
    from langsmith.wrappers import wrap_openai

    told = Client(api_url="http://127.0.0.1:9", api_key="k", otel_tracer_provider=provider)
    with tracing_context(client=told, enabled=True):
        chat(lambda: wrap_openai(client()))
    told.flush()
    told.cleanup()


def langfuse_openai(provider: TracerProvider) -> None:
    """Langfuse's client of OpenAI. Beside the process's own exporter it sends each span itself, to its own address."""
    from langfuse import Langfuse, propagate_attributes

    host = os.environ["TRACES"].removesuffix("/v1/traces")
    told = Langfuse(public_key="pk", secret_key=os.environ["KEY"], base_url=host, tracer_provider=provider)
    from langfuse.openai import OpenAI

    with propagate_attributes(session_id="session-1", user_id="user-1", tags=["a", "b"]):
        chat(lambda: OpenAI(base_url=MODEL_URL, api_key="k", max_retries=0))
    told.flush()


def otel_genai_openai(provider: TracerProvider) -> None:
    """OpenTelemetry's own since 2026-10, where ``openai-v2`` was; it reads Responses, too."""
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    def run() -> None:
        chat()
        client().responses.create(model="gpt-4o-mini", input="Say hello.", instructions="Be brief.")

    instrumented(OpenAIInstrumentor(), provider, run)


def ask_claude(client: Any) -> None:
    """One call that ends in a call of a tool, one streamed."""
    schema = TOOL["function"]["parameters"]
    tools = [{"name": "get_weather", "description": "The weather of a city.", "input_schema": schema}]
    ask: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 100, "system": "Be brief."}
    client.messages.create(**ask, messages=[{"role": "user", "content": ASKED}], tools=tools)
    with client.messages.stream(**ask, messages=[{"role": "user", "content": "Say hello."}]) as stream:
        for _ in stream:
            pass


def anthropics_own(provider: TracerProvider) -> None:
    """Anthropic's client tells its calls by itself, where the application has OpenTelemetry."""
    from anthropic import Anthropic

    told: Any = {"tracer_provider": provider, "conversation_id": "session-1", "traces": {"content_mode": "content"}}
    ask_claude(Anthropic(base_url=MODEL_URL.removesuffix("/v1"), api_key="k", max_retries=0, open_telemetry=told))


def anthropics_runner(provider: TracerProvider) -> None:
    """Its tool runner tells the run, the calls and the tools."""
    from anthropic import Anthropic, beta_tool

    @beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: Which.
        """
        return f"It is sunny in {city}."

    told: Any = {"tracer_provider": provider, "traces": {"content_mode": "content"}}
    client = Anthropic(base_url=MODEL_URL.removesuffix("/v1"), api_key="k", max_retries=0, open_telemetry=told)
    ask: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 100, "system": "Be brief."}
    messages: Any = [{"role": "user", "content": ASKED}]
    client.beta.messages.tool_runner(**ask, messages=messages, tools=[get_weather]).until_done()


def otel_genai_anthropic(provider: TracerProvider) -> None:
    """OpenTelemetry's around a client that tells its calls itself: each is reported twice."""
    from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor

    instrumented(AnthropicInstrumentor(), provider, lambda: anthropics_own(provider))


def weather_graph() -> None:
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"It is sunny in {city}."

    model = ChatOpenAI(model="gpt-4o-mini", base_url=MODEL_URL, api_key="k", max_retries=0)  # type: ignore[arg-type]
    agent = create_agent(model, [get_weather], system_prompt="Be brief.", name="forecaster")
    config: Any = {"configurable": {"thread_id": "thread-1"}, "metadata": {"session_id": "session-1"}}
    agent.invoke({"messages": [{"role": "user", "content": ASKED}]}, config)


def otel_genai_langchain(provider: TracerProvider) -> None:
    """With the client below it instrumented as well, as OpenTelemetry's automatic instrumentation does: each call is
    reported twice."""
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    instrumented(LangChainInstrumentor(), provider, lambda: instrumented(OpenAIInstrumentor(), provider, weather_graph))


def langchain(provider: TracerProvider) -> None:
    """A graph with a tool, and the OpenAI client below it instrumented as well: each call is reported twice."""
    from openinference.instrumentation.langchain import LangChainInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor

    instrumented(LangChainInstrumentor(), provider, lambda: instrumented(OpenAIInstrumentor(), provider, weather_graph))


def pydantic_ai(provider: TracerProvider, version: int) -> None:
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    made = OpenAIProvider(openai_client=AsyncOpenAI(base_url=MODEL_URL, api_key="k", max_retries=0))
    agent = Agent(OpenAIChatModel("gpt-4o-mini", provider=made), name="forecaster", instructions="Be brief.")
    agent.instrument = InstrumentationSettings(tracer_provider=provider, version=version)  # type: ignore[arg-type]

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"It is sunny in {city}."

    agent.run_sync(ASKED)


def run_agent() -> None:
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool
    from openai import AsyncOpenAI

    @function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"It is sunny in {city}."

    async def run() -> None:
        async with AsyncOpenAI(base_url=MODEL_URL, api_key="k", max_retries=0) as own:
            model = OpenAIChatCompletionsModel(model="gpt-4o-mini", openai_client=own)
            await Runner.run(
                Agent(name="forecaster", instructions="Be brief.", model=model, tools=[get_weather]), ASKED
            )

    asyncio.run(run())


def openai_agents(provider: TracerProvider) -> None:
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    instrumented(OpenAIAgentsInstrumentor(), provider, run_agent)


def otel_genai_agents(provider: TracerProvider) -> None:
    """It tells agents and tools, the client's below it the calls."""
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor

    instrumented(OpenAIAgentsInstrumentor(), provider, lambda: instrumented(OpenAIInstrumentor(), provider, run_agent))


def llama_index(provider: TracerProvider) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    def run() -> None:
        made = OpenAILike(model="gpt-4o-mini", api_base=MODEL_URL, api_key="k", is_chat_model=True, max_retries=0)
        made.chat([ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="Say hello.")])

    instrumented(LlamaIndexInstrumentor(), provider, run)


def dspy(provider: TracerProvider) -> None:
    import dspy
    from openinference.instrumentation.dspy import DSPyInstrumentor

    def run() -> None:
        dspy.configure(lm=dspy.LM("openai/gpt-4o-mini", api_base=MODEL_URL, api_key="k", cache=False))
        with contextlib.suppress(Exception):  # the simulated model may not keep to dspy's format; its spans are made
            dspy.Predict("question -> answer")(question="Say hello.")

    instrumented(DSPyInstrumentor(), provider, run)


def crewai(provider: TracerProvider) -> None:
    """Its own instrumentation tells agents and tools, the client's below it the calls."""
    os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false"}
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool
    from openinference.instrumentation.crewai import CrewAIInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor

    @tool("get_weather")
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"It is sunny in {city}."

    def run() -> None:
        model = LLM(model="openai/gpt-4o-mini", base_url=MODEL_URL, api_key="k")
        agent = Agent(
            role="forecaster", goal="Tell the weather.", backstory="Be brief.", tools=[get_weather], llm=model
        )
        Crew(agents=[agent], tasks=[Task(description=ASKED, expected_output="A sentence.", agent=agent)]).kickoff()

    instrumented(CrewAIInstrumentor(), provider, lambda: instrumented(OpenAIInstrumentor(), provider, run))


def google_adk(provider: TracerProvider, schema: int) -> None:
    """It instruments itself, by the process's one provider of tracers. Schema 1 is that of versions up to 2.12."""
    os.environ |= {"GOOGLE_GEMINI_BASE_URL": os.environ["GEMINI_URL"], "GOOGLE_API_KEY": "k"}
    if schema == 1:
        os.environ["ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN"] = "1"
        del os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"]
    trace.set_tracer_provider(provider)
    from google.adk.agents import Agent
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"It is sunny in {city}."

    async def run() -> None:
        agent = Agent(name="forecaster", model="gemini-2.5-flash", instruction="Be brief.", tools=[get_weather])
        runner = InMemoryRunner(agent=agent, app_name="app")
        session = await runner.session_service.create_session(app_name="app", user_id="u", session_id="session-1")
        asked = types.Content(role="user", parts=[types.Part(text=ASKED)])
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=asked):
            pass

    asyncio.run(run())


SECTIONS: dict[str, Callable[[TracerProvider], None]] = {
    "openinference_openai": openinference_openai,
    "openllmetry_openai": openllmetry_openai,
    "otel_openai_v2": otel_openai_v2,
    "langsmith_openai": langsmith_openai,
    "langfuse_openai": langfuse_openai,
    "otel_genai_openai": otel_genai_openai,
    "otel_genai_anthropic": otel_genai_anthropic,
    "otel_genai_langchain": otel_genai_langchain,
    "otel_genai_agents": otel_genai_agents,
    "anthropics_own": anthropics_own,
    "anthropics_runner": anthropics_runner,
    "langchain": langchain,
    "pydantic_ai_2": lambda provider: pydantic_ai(provider, 2),
    "pydantic_ai_5": lambda provider: pydantic_ai(provider, 5),
    "openai_agents": openai_agents,
    "llama_index": llama_index,
    "dspy": dspy,
    "crewai": crewai,
    "google_adk_1": lambda provider: google_adk(provider, 1),
    "google_adk_2": lambda provider: google_adk(provider, 2),
}


def main(names: list[str]) -> None:
    told: dict[str, str] = {}
    for name in names:
        provider = provider_of(name)
        # The one span of ours: everything of a section is in its trace.
        with provider.get_tracer("the-application").start_as_current_span(name) as span:
            try:
                SECTIONS[name](provider)
                told[name] = trace.format_trace_id(span.get_span_context().trace_id)
            except Exception:  # noqa: BLE001  the test shows it
                told[name] = traceback.format_exc()
        provider.shutdown()
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
