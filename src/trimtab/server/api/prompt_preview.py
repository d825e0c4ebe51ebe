"""A prompt's file while it is being written: what it asks for, what it renders to, and what that would cost to send."""

import msgspec
from litestar.params import FromPath, JSONBody

from trimtab.core.errors import InvalidRequest
from trimtab.governance.access import Project
from trimtab.prompts import canonical, file
from trimtab.prompts.types import Bundle, PromptError, PromptFile, Source
from trimtab.server.api.prompts import ONE, TAG
from trimtab.server.bodies.prompt import (
    CallEstimate,
    PreviewProblem,
    PreviewPrompt,
    PreviewVariable,
    PromptPreview,
    RenderedPrompt,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.estimates import estimate
from trimtab.server.prompt_reading import aside, bundle_of
from trimtab.server.routes import Deps, Operation, Tenant, route


@route(
    "POST",
    ONE + "/preview",
    "prompt:read",
    Operation(id="previewPrompt", summary="A file as it is being written", tag=TAG, errors=(404,)),
)
async def preview_prompt(
    deps: Deps, tenant: Tenant, name: FromPath[str], data: JSONBody[PreviewPrompt]
) -> PromptPreview:
    """Its variables, its messages for these values, and an estimate of what they weigh. A mistake in it is part of the
    answer, with its line: an editor shows it beside what could be read."""
    canonical.check_name(name)
    made = _Preview()
    try:
        await made.read(deps, name, data)
        await made.render(deps, tenant, data)
    except PromptError as error:
        made.problem = _problem(error, made.given)
    except InvalidRequest as error:  # messages that no model takes, given for a variable
        made.problem = PreviewProblem(message=error.message, fix=error.fix, code=error.code, line=None, variable="")
    return PromptPreview(
        hash=made.hash,
        variables=made.variables,
        rendered=made.rendered,
        estimate=made.estimate,
        problem=made.problem,
    )


class _Preview:
    """What is known so far: each step leaves what it found, also where the next one fails."""

    def __init__(self) -> None:
        self.given: PromptFile | None = None
        self.hash: str | None = None
        self.variables: list[PreviewVariable] = []
        self.rendered: RenderedPrompt | None = None
        self.estimate: CallEstimate | None = None
        self.problem: PreviewProblem | None = None

    async def read(self, deps: Dependencies, name: str, data: PreviewPrompt) -> None:
        self.given = given = await aside(deps, file.read, data.file, name)
        if given.name != name:
            raise PromptError(
                f"The file names the prompt {given.name!r}, not {name!r}.", fix="A prompt keeps its name.", line=2
            )
        self.hash = canonical.content_hash(given.content)
        own = given.content.variables.items()
        self.variables = [PreviewVariable(name=key, variable=it, required=it.required, source="") for key, it in own]

    async def render(self, deps: Dependencies, tenant: Project, data: PreviewPrompt) -> None:
        from trimtab.prompts.render import Compiled

        assert self.given is not None
        source = Source(name=self.given.name, version=0, hash=self.hash or "", content=self.given.content)
        bundle = await bundle_of(deps, tenant, source)
        compiled = await aside(deps, Compiled, bundle)
        self.variables = [
            PreviewVariable(name=name, variable=each, required=compiled.needs(name), source=_source(bundle, name))
            for name, each in compiled.variables.items()
        ]
        made = await aside(deps, compiled.render, data.variables)
        self.rendered = msgspec.convert(msgspec.structs.asdict(made), RenderedPrompt)
        self.estimate = estimate(deps, tenant, data.model, made.messages, made.tools)


def _source(bundle: Bundle, name: str) -> str:
    """The included prompt that asks for a variable; empty for the prompt's own."""
    if name in bundle.prompt.content.variables:
        return ""
    return next(each for each, source in bundle.includes.items() if name in source.content.variables)


def _problem(error: PromptError, given: PromptFile | None) -> PreviewProblem:
    """Lines of a message as lines of the file."""
    from trimtab.prompts.check import titles

    line = error.line if not error.where else None
    if given is not None and error.where in (titles(given.content)):
        start = given.starts[titles(given.content).index(error.where)]
        line = start + (error.line or 1) - 1
    message = error.message if error.where and line is None else error.bare
    return PreviewProblem(message=message, fix=error.fix, code=error.code, line=line, variable=error.variable)


ROUTES = (preview_prompt,)
