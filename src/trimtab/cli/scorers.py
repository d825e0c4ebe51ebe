"""`trimtab scorers`: what answers can be judged by."""

from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import Failure, api_command, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.scoring.catalog import ScorerEntry
from trimtab.scoring.types import CannotScore, Sample
from trimtab.sdk.client import Client
from trimtab.sdk.scorers import TrialVerdict, score


@click.group()
def command() -> None:
    """Scorers: what each says of an answer, what it needs, and a trial on one."""


@command.command("list")
@project_option
@api_command
def list_scorers(*, project: str, client: Client, as_json: bool) -> None:
    """List the scorers.

    \b
    Example:
      trimtab scorers list
    """
    found = client.scorers.list(project)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.kind, "a model" if each.source == "llm" else "code", each.about) for each in found]
    print_table(("SCORER", "VALUE", "ASKS", "SAYS"), rows, empty="No scorers.")


@command.command("show")
@click.argument("name")
@project_option
@api_command
def show_scorer(*, name: str, project: str, client: Client, as_json: bool) -> None:
    """Show what a scorer needs and may be told.

    \b
    Example:
      trimtab scorers show numeric
    """
    found = client.scorers.get(project, name)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.name} (version {found.version}): {found.about}")
    click.echo(f"Needs: {', '.join(found.needs) or 'nothing in particular'}. {_value(found)}")
    if about := found.options.get("description"):
        click.echo(f"\n{about}\n")
    rows = [(name, _type(schema), _default(schema)) for name, schema in found.options.get("properties", {}).items()]
    print_table(("OPTION", "TYPE", "DEFAULT"), rows, empty="It has no options.")


@command.command("try")
@click.argument("scorer")
@click.option("--sample", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A sample as a JSON file.")
@click.option("--input", "question", default=None, help="What the user asked.")
@click.option("--output", default=None, help="The answer.")
@click.option("--expected", default=None, help="What the answer should be; JSON is read as JSON.")
@click.option("--context", multiple=True, help="A text that the answer should rest on; may be given again.")
@click.option("--options", "settings", default="{}", show_default=True, help="The scorer's options as JSON.")
@project_option
@api_command
def try_scorer(
    *, scorer: str, sample: Path | None, settings: str, project: str, client: Client, as_json: bool, **given: Any
) -> None:
    """Judge one answer. SCORER is a scorer's name, or FILE.py:FUNCTION, which runs here.

    \b
    Examples:
      trimtab scorers try numeric --output "It is about 41.9 km" --expected 42 --options '{"absolute": 0.5}'
      trimtab scorers try checks.py:polite --output "Could you please wait?"
    """
    options = _json(settings, "--options", dict[str, Any])
    read = _sample(sample, given)
    tried = _here(scorer, read, options) if ".py:" in scorer else client.scorers.try_(project, scorer, read, options)
    if as_json:
        print_json(tried)
        return
    if tried.outcome == "cannot_score":
        click.echo(f"{tried.scorer} cannot score this: {tried.reason}")
        return
    said = " ".join(part for part in ("" if tried.value is None else f"{tried.value:g}", tried.label) if part)
    click.echo(f"{tried.scorer}: {said}{f'  {tried.explanation}' if tried.explanation else ''}")


def _here(scorer: str, sample: dict[str, Any], options: dict[str, Any]) -> TrialVerdict:
    said = score(scorer, _converted(sample), options)
    if isinstance(said, CannotScore):
        return TrialVerdict(scorer=scorer, version="", outcome="cannot_score", reason=said.reason, retry=said.retry)
    return TrialVerdict(
        scorer=scorer,
        version="",
        outcome="scored",
        value=said.value,
        label=said.label,
        explanation=said.explanation,
        detail=said.detail,
    )


def _sample(file: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    """The file's fields, and over them those of the command line."""
    fields: dict[str, Any] = {}
    if file is not None:
        fields = _json(file.read_text(encoding="utf-8"), str(file), dict[str, Any])
    named = {"input": given["question"], "output": given["output"], "context": list(given["context"]) or None}
    fields |= {name: value for name, value in named.items() if value is not None}
    if given["expected"] is not None:
        try:
            fields["expected"] = msgspec.json.decode(given["expected"])
        except msgspec.DecodeError:
            fields["expected"] = given["expected"]
    return fields


def _converted(fields: dict[str, Any]) -> Sample:
    try:
        return msgspec.convert(fields, Sample)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"This is no sample: {error}", fix="See docs/scorers.md for its fields.") from error


def _json(text: str, where: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        wrong = InvalidRequest(f"{where} is no JSON object: {error}", fix="""Write for example {"absolute": 0.5}.""")
        raise Failure(wrong, as_json=False) from error


def _value(found: ScorerEntry) -> str:
    better = "" if found.better is None else f"; {found.better} is better"
    says = {"share": "a number within 0 and 1 (1 is a pass)", "number": "a number", "label": "a word"}[found.kind]
    return f"It gives {says}{better}."


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("type", "any"))


def _default(schema: dict[str, Any]) -> str:
    return msgspec.json.encode(schema["default"]).decode() if "default" in schema else "(required)"
