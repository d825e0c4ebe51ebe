"""Programs of people who move, as they were: only the address and the key are new. Run by `test_moving.py`."""

LANGFUSE_NEW = """
import os
from langfuse import Langfuse, observe, propagate_attributes

langfuse = Langfuse(public_key="pk-lf-anything", secret_key=os.environ["KEY"], base_url=os.environ["URL"])
assert langfuse.auth_check()


@observe()
def look_up(question):
    return question.upper()


with langfuse.start_as_current_observation(name="top", as_type="agent", input={"q": "hi"}) as top:
    with propagate_attributes(session_id="s-5", user_id="ada", tags=["beta"], metadata={"plan": "pro"}):
        look_up("where")
        with langfuse.start_as_current_observation(
            name="ask", as_type="generation", model="gpt-4o-mini", input=[{"role": "user", "content": "Where?"}]
        ) as ask:
            ask.update(output="There.", usage_details={"input": 10, "output": 5, "input_cached_tokens": 6})
        top.score_trace(name="helpful", value=0.75, comment="fine")
        ask.score(name="tone", value="warm", data_type="CATEGORICAL")
    top.update(output="done")
    print(top.trace_id)
try:
    langfuse.get_prompt("greeting", max_retries=0)
except Exception as error:
    print(error.status_code, error.body["message"])
langfuse.flush()
langfuse.shutdown()
"""

LANGFUSE_OLD = """
import os
from langfuse import Langfuse

langfuse = Langfuse(public_key=os.environ["KEY"], secret_key="sk-lf-anything", host=os.environ["URL"])
assert langfuse.auth_check()
trace = langfuse.trace(
    name="chat", user_id="ada", session_id="s-2", tags=["beta"], metadata={"plan": "pro"}, input="Where?"
)
span = trace.span(name="look up", input={"q": "x"})
langfuse.flush()  # what ends below is told in a later batch
ask = span.generation(name="ask", model="gpt-4o-mini", input=[{"role": "user", "content": "Where?"}])
ask.end(output="There.", usage={"input": 10, "output": 5, "total": 15})
span.end(output={"found": 1})
trace.event(name="clicked")
trace.span(name="bad").end(level="ERROR", status_message="it broke")
trace.update(output="There.")
trace.score(name="helpful", value=0.75, comment="fine")
ask.score(name="tone", value="warm", data_type="CATEGORICAL")
print(trace.id)
langfuse.flush()
langfuse.shutdown()
"""

PHOENIX = """
import os
from phoenix.otel import register

os.environ["PHOENIX_API_KEY"] = os.environ["KEY"]
os.environ["PHOENIX_COLLECTOR_ENDPOINT"] = os.environ["URL"]
provider = register(project_name="any", protocol="http/protobuf", verbose=False)
attributes = {"openinference.span.kind": "LLM", "llm.model_name": "m-1", "llm.token_count.prompt": 7}
with provider.get_tracer("theirs").start_as_current_span("ask", attributes=attributes) as span:
    print(f"{span.get_span_context().trace_id:032x}")
provider.shutdown()
"""

LANGSMITH = """
import os

os.environ |= {"LANGSMITH_ENDPOINT": os.environ["URL"], "LANGSMITH_API_KEY": os.environ["KEY"]}
os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
from langsmith import Client, traceable
from opentelemetry import trace

client = Client()


@traceable(run_type="llm", client=client)
def ask(messages):
    return {"choices": [{"message": {"role": "assistant", "content": "There."}}]}


@traceable(run_type="chain", client=client)
def chain(question):
    return ask([{"role": "user", "content": question}])


chain("Where?")
client.flush()
trace.get_tracer_provider().force_flush()
"""
