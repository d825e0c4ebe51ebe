"""Programs of people who move from LangSmith without OpenTelemetry: only the address and the key are new. Run by
`test_moving_langsmith.py`."""

_MOVED = """
import os

os.environ |= {"LANGSMITH_ENDPOINT": os.environ["URL"], "LANGSMITH_API_KEY": os.environ["KEY"]}
os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_PROJECT": "old-home"}
"""

TRACED = (
    _MOVED
    + """
from langsmith import Client, get_current_run_tree, trace, traceable
from langsmith.schemas import Attachment

client = Client()


@traceable(run_type="llm", client=client, metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o-mini"})
def ask(messages):
    return {
        "choices": [{"message": {"role": "assistant", "content": "There."}, "finish_reason": "stop"}],
        "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                           "input_token_details": {"cache_read": 6}, "total_cost": 0.25},
    }


@traceable(run_type="tool", client=client)
def look_up(word):
    raise ValueError("it broke")


@traceable(run_type="chain", client=client, tags=["beta"], metadata={"session_id": "s-5", "plan": "pro"})
def chain(question):
    try:
        look_up("x")
    except ValueError:
        pass
    answer = ask([{"role": "user", "content": question}])
    run = get_current_run_tree()
    client.create_feedback(run.id, "helpful", score=0.75, comment="fine", trace_id=run.trace_id)
    return answer["choices"][0]["message"]["content"]


with trace("top", "chain", client=client, attachments={"photo": Attachment("image/png", b"123")}) as top:
    chain("Where?")
    print(top.trace_id)
client.flush()

# One at a time, as it was before batches; and what is told of a run without its trace.
plain = Client(auto_batch_tracing=False)
import uuid
from datetime import datetime, timezone

run_id = uuid.uuid4()
plain.create_run("alone", {"q": 1}, "chain", id=run_id, start_time=datetime.now(timezone.utc))
plain.update_run(run_id, outputs={"a": 2}, end_time=datetime.now(timezone.utc))
project = plain.read_project(project_name="old-home")
feedback_id = uuid.uuid4()
plain.create_feedback(run_id, "tone", value="warm", session_id=project.id, feedback_id=feedback_id,
                      feedback_source_type="model")
print(run_id.hex)
try:
    plain.read_run(run_id)
except Exception as error:
    print(error)
"""
)

CHAINED = (
    _MOVED
    + """
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_core.tracers.langchain import wait_for_all_tracers
from langchain_core.tracers.context import collect_runs


class Model(GenericFakeChatModel):
    def _get_ls_params(self, stop=None, **kwargs):
        return {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini", "ls_model_type": "chat", "ls_temperature": 0.5}


@tool
def find(word: str) -> str:
    "Finds."
    return word.upper()


said = AIMessage(
    "There.",
    usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                    "input_token_details": {"cache_read": 6}, "output_token_details": {"reasoning": 2}},
    response_metadata={"finish_reason": "length", "model_name": "gpt-4o-mini-2024-07-18", "id": "chatcmpl-1"},
)
model = Model(messages=iter([said, AIMessage("It is over there.")]))
prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{question}")])
chain = prompt | model | (lambda message: find.invoke({"word": message.content}))
with collect_runs() as runs:
    chain.invoke({"question": "Where?"}, {"metadata": {"user_id": "ada", "thread_id": "t-1"}, "tags": ["beta"]})
    for _ in model.stream("And now?"):
        pass
print(*(run.trace_id for run in runs.traced_runs))
wait_for_all_tracers()
"""
)
