"""Plans as people read them: in a terminal (with colour where there is one), and in Markdown for a pull request."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from difflib import unified_diff
from typing import Final

import click

from trimtab.sdk.folder_types import (
    CostEstimate,
    FolderChange,
    FolderMistake,
    FolderPlan,
    FolderPromotion,
    FolderRelease,
)

SIGNS: Final = {"add": "+", "change": "~", "remove": "-"}
COLOURS: Final = {"add": "green", "change": "yellow", "remove": "red"}
DRIFT: Final = "it was changed on the server since this folder was last applied; that is overwritten"
SHORT: Final = 12


def counted(plan: FolderPlan) -> str:
    """``2 to add, 1 to change``."""
    told = [
        f"{number} to {action}"
        for action in SIGNS
        if (number := sum(each.action == action for each in plan.changes))
    ]  # fmt: skip
    waiting = sum(bool(each.lacking) for each in plan.promotions)
    going = len(plan.promotions) - waiting
    counts = (("release", len(plan.releases)), ("promotion", going), ("waiting promotion", waiting))
    told += [f"{number} {what}{'s' if number > 1 else ''}" for what, number in counts if number]
    return ", ".join(told) or "nothing to do"


def terminal(plan: FolderPlan) -> Iterator[str]:
    """Line by line; `click.echo` takes the colour out where there is no terminal."""
    to = f", to {plan.to}" if plan.to else ""
    yield click.style(f"Project {plan.project}, folder {plan.folder}{to}", bold=True)
    for change in plan.changes:
        yield from _change(change)
    for release in plan.releases:
        yield from _release(release)
    for promotion in plan.promotions:
        yield from _promotion(promotion)
    for cost in plan.costs:
        yield ""
        yield f"Cost of {cost.app}, estimated: {cost_words(cost)}"
    for note in plan.notes:
        yield ""
        yield f"Note: {note}"
    if plan.adopted:
        yield ""
        yield f"Already as the folder says, and the folder's from now on: {', '.join(plan.adopted)}"
    if plan.released:
        yield ""
        yield f"Not in the folder any more, which did not make them; they stay as they are: {', '.join(plan.released)}"


def _change(change: FolderChange) -> Iterator[str]:
    place = f"  ({change.path}:{change.line})" if change.path else ""
    words = f"  {SIGNS[change.action]} {change.kind} {change.name}"
    yield click.style(words, fg=COLOURS[change.action]) + click.style(place, dim=True)
    for line in change.words:
        yield f"      {line}"
    if change.drifted:
        yield click.style(f"      ! {DRIFT}", fg="red")


def _release(release: FolderRelease) -> Iterator[str]:
    parent = f" (after r{release.parent})" if release.parent else ""
    yield click.style(f"  * release {release.app} r{release.number}{parent}", fg="cyan")
    for line in release.words:
        yield f"      {line}"


def promotion_words(promotion: FolderPromotion) -> str:
    before = "nothing" if promotion.before is None else f"r{promotion.before}"
    how = " by a canary" if promotion.kind == "canary" else ""
    begun = f" ({promotion.rollout})" if how and promotion.rollout else ""
    return f"{promotion.app} in {promotion.environment}: {before} -> r{promotion.after}{how}{begun}"


def _promotion(promotion: FolderPromotion) -> Iterator[str]:
    colour = "yellow" if promotion.lacking else "cyan"
    waits = ", and waits" if promotion.lacking else ""
    yield click.style(f"  > {promotion_words(promotion)}{waits}", fg=colour)
    for line in promotion.lacking:
        yield f"      {line}"
    if promotion.lacking and promotion.fix:
        yield f"      -> {promotion.fix}"


def cost_words(cost: CostEstimate) -> str:
    if not cost.calls:
        return f"unknown. {cost.note}"
    told = [f"{_money(cost.before)} -> {_money(cost.after)} a day{_percent(cost)}"]
    if cost.before_model != cost.after_model and cost.before_model:
        told.append(f"at {cost.after_model} instead of {cost.before_model}")
    elif cost.after_model:
        told.append(f"at {cost.after_model}")
    if cost.prompt_tokens:
        told.append(f"the prompt has about {cost.prompt_tokens:+,} tokens a call")
    told.append(
        f"from {cost.calls:,} calls of the last {cost.days:g} days ({cost.tokens_in:,} tokens in, "
        f"{cost.tokens_out:,} out), which cost {_money(cost.recorded)} a day"
    )
    return "; ".join(told) + "." + (f" {cost.note}" if cost.note else "")


def _money(amount: str | None) -> str:
    if amount is None:
        return "unknown"
    value = Decimal(amount)
    return f"${value:.2f}" if value >= 1 or not value else f"${value:.4g}"


def _percent(cost: CostEstimate) -> str:
    if cost.before is None or cost.after is None or not Decimal(cost.before):
        return ""
    return f" ({(Decimal(cost.after) / Decimal(cost.before) - 1) * 100:+.0f} %)"


def mistake_lines(mistakes: Sequence[FolderMistake]) -> Iterator[str]:
    """``apps/support.yaml:3: what is wrong. how to mend it``."""
    for each in mistakes:
        yield f"{each.path}:{each.line}: {each.what}{f' {each.fix}' if each.fix else ''}"


def markdown(plan: FolderPlan) -> Iterator[str]:
    """For a comment on a pull request."""
    to = f" to `{plan.to}`" if plan.to else ""
    yield f"### Trimtab: {counted(plan)}"
    yield ""
    yield f"Project `{plan.project}`, folder `{plan.folder}`{to}, plan `{plan.hash[:SHORT]}`"
    if plan.mistakes:
        yield ""
        yield "**It cannot be applied:**"
        yield ""
        yield from (f"- `{each.path}:{each.line}` {_plain(each.what)} {_plain(each.fix)}" for each in plan.mistakes)
    if plan.changes or plan.releases or plan.promotions:
        yield ""
        yield "| | what | how |"
        yield "|---|---|---|"
        yield from _rows(plan)
    for cost in plan.costs:
        yield ""
        yield f"**Cost of `{cost.app}`, estimated:** {_plain(cost_words(cost))}"


def _rows(plan: FolderPlan) -> Iterator[str]:
    for change in plan.changes:
        words = [*change.words, *([f"**{DRIFT}**"] if change.drifted else [])]
        yield f"| {change.action} | {change.kind} `{_plain(change.name)}` | {_cell(words)} |"
    for release in plan.releases:
        yield f"| release | `{release.app}` r{release.number} | {_cell(release.words)} |"
    for promotion in plan.promotions:
        waits = [f"**waits:** {each}" for each in promotion.lacking]
        yield f"| promote | {_plain(promotion_words(promotion))} | {_cell(waits)} |"


def _cell(words: Sequence[str]) -> str:
    return "<br>".join(each if each.startswith("**") else _plain(each) for each in words)


def _plain(text: str) -> str:
    """Without what Markdown or a table would take for its own."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{each}" if each in "\\|*_[]#~" else "&#96;" if each == "`" else each for each in text)


def diff_lines(change: FolderChange) -> Iterator[str]:
    """What is on the server and what the folder says, line by line."""
    name = f"{change.kind} {change.name}"
    before = (change.before or "").splitlines()
    after = (change.after or "").splitlines()
    found = unified_diff(
        before,
        after,
        "nothing" if change.before is None else f"server: {name}",
        "nothing" if change.after is None else f"folder: {change.path or name}",
        lineterm="",
    )
    for line in found:
        head = line.startswith(("---", "+++"))
        colour = None if head else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        yield click.style(line, fg=colour, bold=head)
