"""What Anthropic's API has beside models that talk, and what passes through to it as it is: message batches.

https://platform.claude.com/docs/en/api/messages/batches/create. Nothing is ever translated; errors are those of
`anthropic_messages`.
"""

from collections.abc import Mapping

from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Dialect
from trimtab.llm.dialects.anthropic_messages import VERSION, errors
from trimtab.llm.dialects.openai_passthrough import OpenAIPassthrough

NAME = "anthropic_passthrough"


class AnthropicPassthrough(OpenAIPassthrough):
    name = NAME
    auth = Auth("header", "x-api-key")
    headers: Mapping[str, str] = {"anthropic-version": VERSION}

    render_error = staticmethod(errors.render_error)
    parse_error = staticmethod(errors.parse_error)


PLUG: Dialect = AnthropicPassthrough()
