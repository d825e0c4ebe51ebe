"""Whether the answer is Python that parses. It is never run."""

import ast
import warnings

from msgspec import Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import fenced
from trimtab.scoring.types import Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``fence``: what stands in the answer's only code fence is looked at, where it has one. ``defines``: names of
    functions or classes that must be defined at the top."""

    fence: bool = True
    defines: tuple[str, ...] = ()


def _judge(sample: Sample, options: Options) -> Verdict:
    answer = sample.output or ""
    code = (fenced(answer) if options.fence else None) or answer
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the stranger's code, not ours
            tree = ast.parse(code)
    except SyntaxError as error:
        return Scored(value=0.0, explanation=f"Line {error.lineno or 1}: {error.msg}.")
    except (ValueError, RecursionError, MemoryError) as error:
        return Scored(value=0.0, explanation=f"It cannot be read: {error or type(error).__name__}.")
    if not tree.body:
        return Scored(value=0.0, explanation="There is no code.")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    there = {node.name for node in tree.body if isinstance(node, kinds)}
    missing = [name for name in options.defines if name not in there]
    return Scored(value=float(not missing), explanation=f"{missing[0]} is not defined." if missing else "")


PLUG = Rule(
    name="python_parses",
    version="1",
    about="The answer is Python that parses.",
    options=Options,
    judge=_judge,
    most=50_000,
)
