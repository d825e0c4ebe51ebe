"""What a tool and an agent are called, in the SQL of a row of ``spans``: one name wherever they are looked for, counted
or offered.

A span of a tool is named after it, or ``execute_tool <name>``, or in a framework's own words; where its emitter says
the tool's name beside that, it is in the row's metadata (`mapping/rows.py`). Agents likewise.
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/#execute-tool-span
"""

from typing import Final

TOOL: Final = "if(metadata['tool'] != '', metadata['tool'], replaceRegexpOne(name, '^execute_tool +', ''))"
"""Of a row whose kind is ``tool``."""
AGENT: Final = (
    "if(metadata['agent'] != '', metadata['agent'], replaceRegexpOne(name, '^(?:invoke|create)_agent +', ''))"
)
"""Of a row whose kind is ``agent``."""
TOOL_OR_NONE: Final = f"if(kind = 'tool', {TOOL}, '')"
AGENT_OR_NONE: Final = f"if(kind = 'agent', {AGENT}, '')"
"""Of any row; empty where it is none."""
