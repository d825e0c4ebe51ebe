"""`trimtab review`: answers that people look at: queues, the next item, verdicts, and what they add up to."""

import json
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import click

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option, seen_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client

STATES = ("open", "done", "expired", "dropped")
GROUPS = ("app", "release", "rule", "queue", "reviewer")
HOLDS = ("pending", "approved", "corrected", "rejected", "expired")


@click.group()
def command() -> None:
    """Review: answers that people check, correct, approve or reject."""


@command.command()
@click.option("--archived", is_flag=True, help="With those that were put away.")
@project_option
@api_command
def queues(*, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List queues and what waits in them.

    \b
    Example:
      trimtab review queues
    """
    found = client.review.queues(project, archived=archived)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            f"{each['name']}{'' if each['archived'] is None else ' (archived)'}", each["standing"]["open"],
            each["standing"]["overdue"], each["standing"]["claimed"],
            ", ".join(rule["name"] for rule in each["spec"].get("rules", [])) or None,
        )
        for each in found
    ]  # fmt: skip
    print_table(("QUEUE", "OPEN", "OVERDUE", "CLAIMED", "RULES"), rows, empty="None: trimtab review put NAME FILE")


@command.command()
@click.argument("queue")
@click.argument("file", type=click.File("r"), default="-")
@seen_option
@project_option
@api_command
def put(*, queue: str, file: Any, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Make or change a queue, whole, from JSON (docs/review.md): FILE, or standard input.

    \b
    Example:
      echo '{"rules": [{"name": "audit", "kind": "random", "share": 0.01}]}' | trimtab review put audit
    """
    try:
        spec = json.loads(file.read())
    except ValueError as error:
        raise InvalidRequest(f"What the queue is to be is no JSON: {error}.", fix="Write a JSON object.") from error
    made = client.review.put_queue(project, queue, spec, expect)
    if as_json:
        print_json(made)
    else:
        click.echo(f"{queue} is at revision {made['revision']}.")


@command.command()
@click.argument("queue")
@seen_option
@project_option
@api_command
def archive(*, queue: str, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Put a queue away: nothing more is sent to it.

    What waits there may still be worked off, and what was decided stays.

    \b
    Example:
      trimtab review archive doubtful
    """
    made = client.review.archive_queue(project, queue, expected_revision=expect)
    if as_json:
        print_json(made)
        return
    waiting = made["standing"]["open"]
    click.echo(f"{queue}: archived{f'; {waiting} of its items still wait' if waiting else ''}.")


@command.command()
@click.argument("queue")
@seen_option
@project_option
@api_command
def restore(*, queue: str, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Take a queue out of the archive, as it was.

    \b
    Example:
      trimtab review restore doubtful
    """
    made = client.review.restore_queue(project, queue, expected_revision=expect)
    print_json(made) if as_json else click.echo(f"{queue}: restored.")


@command.command("list")
@click.option("--queue", default=None, help="Only of this queue.")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Only in this state.")
@click.option("--mine", is_flag=True, help="Only what is assigned to this key.")
@click.option("--overdue", is_flag=True, help="Only what is past its time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def list_items(
    *, queue: str | None, state: str, mine: bool, overdue: bool, limit: int, project: str, client: Client, as_json: bool
) -> None:
    """List items, newest first.

    \b
    Example:
      trimtab review list --queue doubtful --overdue
    """
    wanted: dict[str, Any] = {"queue": queue, "state": state, "assignee": "me" if mine else None, "overdue": overdue}
    found = list(islice(client.review.items(project, **wanted), limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"], each["queue"], ", ".join(each["why"]), each["app"] or None,
            f"{each['given']} of {each['needed']}", local_time(each["created"]), _cut(each["subject"]["input"]),
        )
        for each in found
    ]  # fmt: skip
    print_table(("ITEM", "QUEUE", "WHY", "APP", "VERDICTS", "SENT", "ASKED"), rows, empty="Nothing waits here.")


@command.command()
@click.argument("queue")
@click.argument("trace_ids", nargs=-1, required=True)
@project_option
@api_command
def send(*, queue: str, trace_ids: tuple[str, ...], project: str, client: Client, as_json: bool) -> None:
    """Send traces to a queue by hand.

    \b
    Example:
      trimtab review send doubtful 0199c1e0a7b27d3f9d0a1b2c3d4e5f60
    """
    made = client.review.send(project, queue, trace_ids)
    if as_json:
        print_json(made)
        return
    click.echo(f"Sent {len(made['items'])}; {len(made['known'])} were there already.")
    if made["missing"]:
        click.echo(f"Not in the store: {', '.join(made['missing'])}.", err=True)
        sys.exit(1)


@command.command("next")
@click.argument("queue")
@project_option
@api_command
def next_item(*, queue: str, project: str, client: Client, as_json: bool) -> None:
    """Claim what is most urgent, and show it.

    \b
    Example:
      trimtab review next doubtful
      trimtab review verdict ITEM correct --correction "Within 30 days." --answer right=false
    """
    found = client.review.next(project, queue)
    if as_json:
        print_json({"item": found})
    elif found is None:
        click.echo("Nothing waits for you here.")
    else:
        _show(found)
        _ask(found["id"], client.review.queue(project, queue)["spec"])


@command.command()
@click.argument("item")
@project_option
@api_command
def show(*, item: str, project: str, client: Client, as_json: bool) -> None:
    """Show an item.

    \b
    Example:
      trimtab review show item_0199c1e0a7b27d3f9d0a1b2c3d4e5f60
    """
    found = client.review.item(project, item)
    if as_json:
        print_json(found)
    else:
        _show(found)


@command.command()
@click.argument("item")
@click.argument("decision", type=click.Choice(("approve", "correct", "reject", "skip")))
@click.option("--answer", "answers", multiple=True, metavar="NAME=VALUE", help="Of the rubric: right=true, tone=4.")
@click.option("--correction", default=None, help="What the answer should be.")
@click.option(
    "--correction-file", type=click.Path(path_type=Path, exists=True), default=None, help="The same, of a file."
)
@click.option("--note", default="", help="Why.")
@click.option("--second-opinion", is_flag=True, help="Another person should look, too.")
@project_option
@api_command
def verdict(
    *, item: str, decision: str, answers: tuple[str, ...], correction_file: Path | None, project: str, client: Client,
    as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Give your verdict on an item.

    \b
    Example:
      trimtab review verdict item_0199c1e0a7b27d3f9d0a1b2c3d4e5f60 approve --answer right=true
    """
    if correction_file is not None:
        said["correction"] = correction_file.read_text()
    found = client.review.verdict(project, item, decision, answers=_answers(answers), **said)
    if as_json:
        print_json(found)
    elif found["state"] == "open" and decision != "skip":
        click.echo("Taken. Another person is asked, too.")
    else:
        click.echo("Taken." if decision != "skip" else "Left to somebody else.")


@command.command("to-case")
@click.argument("item")
@click.argument("dataset")
@click.option("--expected", default=None, help="What a good answer is. [default: the correction, or what was approved]")
@project_option
@api_command
def to_case(*, item: str, dataset: str, expected: str | None, project: str, client: Client, as_json: bool) -> None:
    """Make a case of an item, in a dataset that is there.

    \b
    Example:
      trimtab review to-case item_0199c1e0a7b27d3f9d0a1b2c3d4e5f60 support
    """
    made = client.review.to_case(project, item, dataset, expected=expected)
    if as_json:
        print_json(made)
    else:
        word = "is in" if made["created"] else "was already in"
        click.echo(f"{made['case_id']} {word} {dataset}@{made['version']}.")


@command.command()
@click.option("--by", "group_by", type=click.Choice(GROUPS), default="app", show_default=True, help="Told apart by.")
@click.option("--queue", default=None, help="Only of this queue.")
@click.option("--last", type=Span(), default="30d", show_default=True, help="How far back.")
@project_option
@api_command
def overrides(*, group_by: str, queue: str | None, last: int, project: str, client: Client, as_json: bool) -> None:
    """How often people change answers.

    \b
    Example:
      trimtab review overrides --by release --last 7d
    """
    start = int(time.time() * 1000) - last
    found = client.review.overrides(project, group_by=group_by, queue=queue, start=start)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["group"] or "(none)",
            each["decided"],
            each["corrected"],
            each["rejected"],
            _share(each["rate"]),
            each["late"],
        )
        for each in found["groups"]
    ]
    titles = (group_by.upper(), "DECIDED", "CORRECTED", "REJECTED", "CHANGED, %", "LATE")
    print_table(titles, rows, empty="Nothing was decided in this time.")
    audited = _share(found["audited"])
    click.echo(
        f"Of all answers, by random audits of {found['audited']['of']}: {audited} %."
        if audited
        else "There was no random audit, so nothing is known of all answers."
    )


@command.command()
@click.argument("queue")
@click.option("--last", type=Span(), default="30d", show_default=True, help="How far back.")
@project_option
@api_command
def agreement(*, queue: str, last: int, project: str, client: Client, as_json: bool) -> None:
    """How far reviewers agree: Cohen's kappa, Krippendorff's alpha.

    \b
    Example:
      trimtab review agreement doubtful
    """
    found = client.review.agreement(project, queue, start=int(time.time() * 1000) - last)
    if as_json:
        print_json(found)
        return
    rows = [
        (each["name"], each["items"], each["alike"], _around(each, "cohen"), _around(each, "krippendorff"))
        for each in found["criteria"]
    ]
    print_table(("ASKED", "ITEMS", "ALIKE", "COHEN", "KRIPPENDORFF"), rows, empty="No item was judged by two people.")
    click.echo(found["says"])


@command.command()
@click.option("--state", type=click.Choice(HOLDS), default=None, help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def holds(*, state: str | None, limit: int, project: str, client: Client, as_json: bool) -> None:
    """List answers that wait, or waited, for a person.

    \b
    Example:
      trimtab review holds --state pending
    """
    found = list(islice(client.review.holds(project, state), limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["state"],
            each["model"],
            each["item"],
            local_time(each["created"]),
            local_time(each["expires"]),
        )
        for each in found
    ]
    print_table(("HOLD", "STATE", "MODEL", "ITEM", "HELD", "UNTIL"), rows, empty="No answer was held.")


@command.command()
@click.argument("judge")
@click.option("--now", is_flag=True, help="Hold it against people anew.")
@project_option
@api_command
def calibration(*, judge: str, now: bool, project: str, client: Client, as_json: bool) -> None:
    """How a judge agrees with people, by version.

    \b
    Example:
      trimtab review calibration tone --now
    """
    found = (
        client.review.calibrate(project, judge) if now else list(islice(client.review.calibrations(project, judge), 20))
    )
    if as_json:
        print_json(found)
        return
    names = ("alike", "kappa", "sensitivity", "specificity")
    rows = [
        (
            each["scorer_version"],
            each["labels"],
            *(_around3(each["figures"][name]) for name in names),
            local_time(each["created"]),
        )
        for each in found
    ]
    titles = ("VERSION", "LABELS", "ALIKE", "KAPPA", "SENSITIVITY", "SPECIFICITY", "AT")
    print_table(titles, rows, empty="People have judged no answer that this judge judged, too.")
    if found:
        click.echo(found[0]["figures"]["drift"]["says"])


# --- words ---


def _answers(given: tuple[str, ...]) -> dict[str, Any]:
    """Values as JSON where they are, else as texts. Raises `InvalidRequest`."""
    found: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise InvalidRequest(f"{each!r} is no answer.", fix="Write NAME=VALUE, e.g. right=true.")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _show(item: dict[str, Any]) -> None:
    subject = item["subject"]
    click.echo(f"{item['id']}  {', '.join(item['why'])}  {item['app'] or ''}")
    for message in subject["messages"]:
        click.echo(f"\n[{message['role']}]\n{message['content']}")
    for source in subject["sources"]:
        click.echo(f"\n[source]\n{source}")
    click.echo(f"\n[answer]\n{subject['answer']}")
    for each in item["verdicts"]:
        click.echo(f"\n[{each['reviewer_name']}: {each['decision']}] {each['correction'] or ''} {each['note']}")


def _ask(item: str, spec: dict[str, Any]) -> None:
    """What the rubric asks, and the command that answers it."""
    click.echo(f"\n[rubric] {spec.get('instructions', '')}".rstrip())
    asked: list[str] = []
    for each in spec.get("criteria", []):
        may = {
            "pass_fail": "true or false",
            "scale": f"{each.get('low', 1)} to {each.get('high', 5)}",
            "choice": ", ".join(each.get("choices", [])),
            "text": "a text",
        }[each.get("kind", "pass_fail")]
        required = each.get("required", True)
        question = f"  {each['question']}" if each.get("question") else ""
        click.echo(f"  {each['name']}: {may}{'' if required else ' (may be left)'}{question}")
        asked += [f" --answer {each['name']}=..."] if required else []
    click.echo(f"  -> trimtab review verdict {item} approve|correct|reject|skip{''.join(asked)}")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def _share(rate: dict[str, Any]) -> str | None:
    if rate["value"] is None:
        return None
    return f"{100 * rate['value']:.1f} ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"


def _around(of: dict[str, Any], name: str) -> str | None:
    return _around3({"value": of[name], "low": of[f"{name}_low"], "high": of[f"{name}_high"]})


def _around3(figure: dict[str, Any]) -> str | None:
    if figure["value"] is None:
        return None
    around = "" if figure["low"] is None else f" ({figure['low']:.2f} to {figure['high']:.2f})"
    return f"{figure['value']:.2f}{around}"
