"""Prompts of others in our form: one file per format, each a pure function from text to a prompt and notes.

What has no place in ours goes to ``metadata``, or is said in a note; nothing is dropped in silence.
"""

from trimtab.prompts.canonical import normal
from trimtab.prompts.foreign._shared import Converted
from trimtab.prompts.types import PromptError


def read(format_name: str, text: str, name: str) -> Converted:
    """``name`` is what the prompt is called where the text does not say. Raises `PromptError`."""
    if format_name == "trimtab":
        from trimtab.prompts import file

        return Converted(prompt=file.read(text, name))
    if format_name == "langfuse":
        from trimtab.prompts.foreign import langfuse as plug
    elif format_name == "prompty":
        from trimtab.prompts.foreign import prompty as plug
    elif format_name == "dotprompt":
        from trimtab.prompts.foreign import dotprompt as plug
    else:
        raise PromptError(f"{format_name[:40]!r} is no format.", fix="Use trimtab, langfuse, prompty or dotprompt.")
    found = plug.read(text, name)
    normal(found.prompt.content)
    return found
