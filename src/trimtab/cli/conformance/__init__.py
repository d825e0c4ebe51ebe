"""`trimtab conformance`: what a model can really do through this server, with evidence."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from trimtab.cli.base import FAILED, api_command, print_json, project_option
from trimtab.cli.conformance.report import WORDS, print_results, summary
from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.sdk.client import Client
from trimtab.sdk.connection import management_key
from trimtab.sdk.types import CheckResult, Model, Trace

if TYPE_CHECKING:
    from trimtab.cli.conformance.suite import Bench

_TRACE_WAIT_S = 60.0
"""A row is there within a second or two; on a crowded machine it was later than ten, and the model was blamed."""
_TRACE_POLL_S = 0.1


@click.command(name="conformance")
@click.option("--model", required=True, help="A model of the project.")
@click.option("--front", "fronts", multiple=True, help="Only through this dialect; repeat for more. [default: all]")
@click.option("--check", "checks", multiple=True, help="Only this check; repeat for more. [default: all]")
@click.option("--save", is_flag=True, help="Keep the result as the model's capability card.")
@project_option
@click.pass_context
@api_command
def command(
    ctx: click.Context,
    *,
    model: str,
    fronts: tuple[str, ...],
    checks: tuple[str, ...],
    save: bool,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Try what a model can do, with real calls through every dialect of this server.

    Each check passes with evidence, fails with evidence, is not supported (in the provider's words), or could not be
    told. It makes some thirty small calls per dialect, which cost what such calls cost. Ends with 1 if a check fails.

    \b
    Examples:
      trimtab conformance --model fast --save
      trimtab conformance --model fast --front openai_chat --check tools --check json_schema
    """
    from trimtab.cli.conformance import suite

    target = _target(client, project, model)
    if save and (fronts or checks):
        raise InvalidRequest(
            "A card is of the whole suite.", fix="Leave out --front and --check, or --save.", param="save"
        )
    benches = _benches(client, project, model, _known(fronts, _all_fronts(), "front"))
    names = _known(checks, suite.CHECKS.names(), "check")

    def told(result: CheckResult, seconds: float) -> None:
        if not as_json:
            click.echo(f"{result.check} ({result.front}): {WORDS[result.outcome]}, {seconds:.1f} s", err=True)

    try:
        results = suite.run(benches, names, told)
    finally:
        for bench in benches.values():
            bench.front.close()
    card = None
    if save:
        card = client.put_card(
            project, model, provider=target.provider, upstream=target.upstream, suite=suite.SUITE, results=results
        )
    if as_json:
        print_json({"model": model, "suite": suite.SUITE, "results": results, "card": card})
    else:
        print_results(results)
        click.echo(summary(results) + ("" if card is None else f"; kept as card {card.number} of {model}"))
    if any(result.outcome == "fail" for result in results):
        ctx.exit(FAILED)


def _target(client: Client, project: str, name: str) -> Model:
    models = {model.name: model for model in client.models(project)}
    if name not in models:
        known = ", ".join(sorted(models)) or "none yet"
        raise NotFound(f"There is no model {name!r} in the project {project!r}.", fix=f"Its models: {known}.")
    return models[name]


def _all_fronts() -> tuple[str, ...]:
    from trimtab.llm.dialects import dialects

    return dialects("chat", front=True)


def _known(asked: tuple[str, ...], there: tuple[str, ...], what: str) -> tuple[str, ...]:
    """What was asked for, or everything. Raises `InvalidRequest` for what there is not."""
    for name in asked:
        if name not in there:
            raise InvalidRequest(
                f"There is no {what} {name!r}.", fix=f"Use one of: {', '.join(there)}.", param=f"--{what}"
            )
    return asked or there


def _benches(client: Client, project: str, model: str, fronts: tuple[str, ...]) -> "dict[str, Bench]":
    from trimtab.cli.conformance.client import FrontClient
    from trimtab.cli.conformance.suite import Bench
    from trimtab.llm.dialects import DIALECTS

    headers = {"trimtab-project": project, "trimtab-feature": "conformance"}
    key = management_key() or ""
    trace = _tracer(client, project)
    return {
        name: Bench(front=FrontClient(client.url, key, DIALECTS.get(name), model, headers), trace=trace, url=client.url)
        for name in fronts
    }


def _tracer(client: Client, project: str) -> "Callable[[str], Trace | None]":
    def trace(trace_id: str) -> Trace | None:
        """The trace, as soon as the store has it; None if it has not within a minute."""
        end = time.monotonic() + _TRACE_WAIT_S
        while True:
            try:
                return client.trace(project, trace_id)
            except NotFound:
                if time.monotonic() > end:
                    return None
            time.sleep(_TRACE_POLL_S)

    return trace
