"""The Python client: a thin, typed face of the management API, and what official model clients need to reach us.

It exists so that a program can look at its own traces, keys and models without writing HTTP, and so that a call made
with the `openai` or `anthropic` client carries its session, user, feature and tags. What enters: an address and a key
(or `TRIMTAB_URL` and `TRIMTAB_API_KEY`). What leaves: frozen structs (`sdk/types.py`) and the errors of
`trimtab.core.errors`. It is light on purpose: importing it loads no HTTP library, and it knows nothing of the server's
rooms.

    from openai import OpenAI
    from trimtab.sdk import Client, call_headers, openai_options

    answer = OpenAI(**openai_options()).chat.completions.create(
        model="fast",
        messages=[{"role": "user", "content": "Hello"}],
        extra_headers=call_headers(session="s-1", feature="greeting"),
    )
    for found in Client().traces("default", q="feature:greeting"):
        print(found.started, found.model_used, found.cost)

`prompt("support").render(customer="Ada")` gives the messages of a prompt, also while the server is away.
`trace`, `span`, `score` and the rest of `trimtab.sdk.tracing` trace an application's own code.
"""

from trimtab.sdk.client import Client
from trimtab.sdk.connection import DEFAULT_URL
from trimtab.sdk.default import feedback, prompt
from trimtab.sdk.official import anthropic_options, call_headers, openai_options
from trimtab.sdk.tracing import current_trace, score, span, trace

__all__ = [
    "DEFAULT_URL",
    "Client",
    "anthropic_options",
    "call_headers",
    "current_trace",
    "feedback",
    "openai_options",
    "prompt",
    "score",
    "span",
    "trace",
]
