"""`trimtab traces`: what happened."""

import time

import click
import msgspec

from trimtab.cli import decisions, guard_words
from trimtab.cli.base import Span, api_command, local_time, money, print_json, print_table, project_option
from trimtab.sdk import types as t
from trimtab.sdk.client import Client

ERROR_WIDTH = 160
"""Characters of an error in the table of spans; a longer one is printed in full below it."""


@click.group()
def command() -> None:
    """Search traces and look into one."""


@command.command("list")
@click.option("--query", "-q", default="", help="A search, as in the console: status:error model:fast refund.")
@click.option("--last", type=Span(), default="24h", show_default=True, help="How far back.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def list_traces(*, query: str, last: int, limit: int, project: str, client: Client, as_json: bool) -> None:
    """List traces, newest first.

    \b
    Examples:
      trimtab traces list
      trimtab traces list -q 'status:error' --last 1h
      trimtab traces list --json --limit 1000 | jq '.[].cost'
    """
    start = int(time.time() * 1000) - last
    found: list[t.Span] = []
    for trace in client.traces(project, q=query, start=start):
        found.append(trace)
        if len(found) == limit:
            break
    if as_json:
        print_json(found)
        return
    rows = [
        (
            local_time(row.started),
            row.trace_id,
            row.status,
            row.name[:40],
            row.model if row.model == row.model_used else f"{row.model} > {row.model_used or '-'}",
            row.feature or None,
            row.tokens.total,
            money(row.cost),
            f"{row.duration:.0f} ms",
            row.fallbacks,
        )
        for row in found
    ]
    columns = ("STARTED", "TRACE", "STATUS", "NAME", "MODEL", "FEATURE", "TOKENS", "COST", "TOOK", "FALLBACKS")
    if all(row.request_id for row in found):  # our own calls: what they are called says nothing that the model does not
        columns, rows = columns[:3] + columns[4:], [row[:3] + row[4:] for row in rows]
    print_table(
        columns,
        rows,
        empty="" if found else none_found(client.trace_page(project, q=query, start=start, limit=1).behind_ms),
    )


def none_found(behind_ms: int) -> str:
    """Why there is nothing: a call of a moment ago is on disk, and in the store a little later."""
    if behind_ms <= 0:
        return "No traces match. Widen --last, or loosen --query."
    return f"No traces match yet; what came in the last {-(-behind_ms // 1000)} s is on its way into the store."


@command.command("tail")
@click.option("--query", "-q", default="", help="A search, as in the console: status:error model:fast refund.")
@click.option("--last", type=Span(), default=None, help="Begin with those that ended so long ago.")
@click.option("--limit", type=click.IntRange(1), default=None, help="End after so many.")
@project_option
@api_command
def tail_traces(
    *, query: str, last: int | None, limit: int | None, project: str, client: Client, as_json: bool
) -> None:
    """Print traces as they come, a line each, until Ctrl-C.

    \b
    Examples:
      trimtab traces tail
      trimtab traces tail -q 'status:error OR cost:>0.05'
      trimtab traces tail --json | jq -r .error_message
    """
    since = None if last is None else int(time.time() * 1000) - last

    def missed(count: int) -> None:
        click.echo(f"({count} more came at once; `trimtab traces list` has them)", err=True)

    for number, row in enumerate(client.tail(project, q=query, since=since, skipped=missed), 1):
        if as_json:
            click.echo(msgspec.json.encode(row).decode())
        else:
            told = (row.error_message or row.output_preview or row.input_preview)[:80].replace("\n", " ")
            cost = money(row.cost) or "-"
            click.echo(
                f"{local_time(row.started)}  {row.trace_id}  {row.status:9} {row.model or row.name:24}"
                f" {row.duration:7.0f} ms {row.tokens.total:7} {cost:>12}  {told}"
            )
        if number == limit:
            return


@command.command()
@click.argument("trace_id")
@click.option("--content/--no-content", default=True, help="Show messages too.", show_default=True)
@project_option
@api_command
def show(trace_id: str, *, content: bool, project: str, client: Client, as_json: bool) -> None:
    """Show one trace: its spans, the decision record, cost, and what was said.

    \b
    Example:
      trimtab traces show 0199c1e0a7b27d3f9d0a1b2c3d4e5f60
    """
    _show(client, project, client.trace(project, trace_id), content=content, as_json=as_json)


@command.command()
@click.argument("trace_id")
@click.option("--reason", required=True, help="Why, in one line: it stands in the audit log under your name.")
@project_option
@api_command
def unmask(trace_id: str, *, reason: str, project: str, client: Client, as_json: bool) -> None:
    """Show one trace with what was said, where your role withholds that.

    \b
    Example:
      trimtab traces unmask 0199c1e0a7b27d3f9d0a1b2c3d4e5f60 --reason "complaint 4711"
    """
    _show(client, project, client.unmask(project, trace_id, reason), content=True, as_json=as_json)


@command.command("compare")
@click.argument("a")
@click.argument("b")
@project_option
@api_command
def compare_traces(a: str, b: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show two traces side by side: which spans stand for each other, and what differs.

    \b
    Example:
      trimtab traces compare 0199c1e0a7b27d3f9d0a1b2c3d4e5f60 0199c1e0b8c37e4f8e1b2c3d4e5f6071
    """
    found = client.seen.compare(project, a, b)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            _below(pair.depth, pair.a), _below(pair.depth, pair.b), _beside(pair.a, pair.b, "duration"),
            _beside(pair.a, pair.b, "tokens"), _beside(pair.a, pair.b, "cost"),
            pair.differs or ("only in one" if pair.a is None or pair.b is None else None),
        )
        for pair in found.pairs
    ]  # fmt: skip
    print_table(("A", "B", "TOOK", "TOKENS", "COST", "DIFFERS"), rows, empty="Neither has spans yet.")
    cost = "unknown" if found.cost_change is None else f"{found.cost_change} US dollars"
    click.echo(f"\nB less A: {found.duration_change:+.0f} ms, {found.tokens_change:+d} tokens, cost {cost}.")
    if found.more:
        click.echo(f"{found.more} more pairs are not shown.")


def _below(depth: int, span: t.Span | None) -> str | None:
    return None if span is None else f"{'  ' * depth}{span.name}"


def _beside(a: t.Span | None, b: t.Span | None, what: str) -> str:
    def told(span: t.Span | None) -> str:
        if span is None:
            return "-"
        if what == "duration":
            return f"{span.duration:.0f} ms"
        return str(span.tokens.total) if what == "tokens" else money(span.cost) or "-"

    return told(a) if told(a) == told(b) else f"{told(a)} > {told(b)}"


@command.command("graph")
@click.argument("trace_id")
@project_option
@api_command
def graph(trace_id: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show who called whom within a trace: agents, models, tools, with how often and how long.

    \b
    Example:
      trimtab traces graph 0199c1e0a7b27d3f9d0a1b2c3d4e5f60
    """
    found = client.seen.graph(project, trace_id)
    if as_json:
        print_json(found)
        return
    names = {node.id: f"{node.kind} {node.label}" for node in found.nodes}
    called: dict[str, list[str]] = {}
    for edge in found.edges:
        if edge.kind == "calls":
            called.setdefault(edge.source, []).append(f"{names.get(edge.target, edge.target)} ({edge.count})")
    rows = [
        (
            names[node.id], node.spans, node.errors or None, f"{node.time:.0f} ms", f"{node.own:.0f} ms",
            node.tokens or None, money(node.cost), called.get(node.id),
        )
        for node in found.nodes
    ]  # fmt: skip
    columns = ("WHO", "SPANS", "ERRORS", "TIME", "OWN", "TOKENS", "COST", "CALLS")
    print_table(columns, rows, empty="It has no spans yet.")
    if found.hidden:
        click.echo(f"\n{found.hidden} more names are not shown.")


def _show(client: Client, project: str, trace: t.Trace, *, content: bool, as_json: bool) -> None:
    entry = trace.spans[0] if trace.spans else None
    io = client.span_io(project, trace.trace_id, entry.span_id) if content and entry is not None else None
    sources = (
        [client.span_io(project, trace.trace_id, line.span_id) for line in trace.knowledge] if io is not None else []
    )
    if as_json:
        print_json({"trace": trace, "io": io, "sources": sources})
        return
    _print_summary(trace)
    _print_spans(trace)
    if trace.steps:
        click.echo(f"\nRoute {trace.route}")
        print_table(("NODE", "TOOK", "WHY", "BY"), [(s.node, s.took, s.why, s.value) for s in trace.steps], empty="")
    if trace.decision:
        click.echo("\nDecision")
        columns, lines = decisions.table(trace.decision)
        print_table(columns, lines, empty="")
    if trace.limits:
        click.echo("\nLimits")
        columns = ("LIMIT", "MEASURE", "RESERVED", "USED", "LEFT")
        print_table(columns, [(x.limit, x.measure, x.reserved, x.used, x.left) for x in trace.limits], empty="")
    if trace.scores:
        click.echo("\nScores")
        columns = ("SCORE", "VALUE", "LABEL", "BY", "WHY")
        scores = [(x.name, x.value, x.label or None, x.source, x.explanation[:80] or None) for x in trace.scores]
        print_table(columns, scores, empty="")
    if trace.guards:
        click.echo("\nGuards")
        print_table(guard_words.HEAD, guard_words.rows(trace.guards), empty="")
    if io is not None:
        _print_io(io)
        print_sources(trace, sources)


def _print_summary(trace: t.Trace) -> None:
    cost = money(trace.cost) or "unknown"
    lower = f" (a lower bound: {trace.unpriced} spans have no known price)" if trace.unpriced and trace.cost else ""
    click.echo(f"Trace {trace.trace_id}")
    click.echo(f"  started  {local_time(trace.started)}, took {trace.duration:.0f} ms")
    for title, told in _labels(trace.spans[0] if trace.spans else None):
        click.echo(f"  {title:8} {told}")
    click.echo(f"  tokens   {trace.tokens.total} ({trace.tokens.input} in, {trace.tokens.output} out)")
    if trace.data_classes:
        click.echo(f"  class    {', '.join(trace.data_classes)}")
    click.echo(f"  cost     {cost}{lower}")
    if trace.cache is not None:
        click.echo(f"  cache    {_cache_words(trace.cache)}")
    if trace.context is not None:
        changes = "; ".join(trace.context.changes)
        click.echo(f"  context  about {trace.context.before} tokens shortened to {trace.context.after}: {changes}")
    if trace.updating is not None:
        click.echo(f"  updating more of it came than is shown; made anew from {local_time(trace.updating)} on")
    click.echo()


def _labels(entry: t.Span | None) -> list[tuple[str, str]]:
    """Whose it is, and of what: what it is found by in a search."""
    if entry is None:
        return []
    of = {"session": entry.session, "user": entry.user, "feature": entry.feature, "tags": ", ".join(entry.tags)}
    return [(title, told) for title, told in of.items() if told]


def _cache_words(line: t.CacheLine) -> str:
    told = [f"{line.outcome}, {line.reason}" if line.reason else line.outcome]
    if line.outcome in ("hit", "replay"):
        told.append(f"{line.age_s} s old, of {line.first_request}")
        if line.similarity is not None:
            told.append(f"similarity {line.similarity}")
        if line.saved is not None:
            told.append(f"saved {money(line.saved)}")
    return "; ".join(told)


def _print_spans(trace: t.Trace) -> None:
    rows: list[tuple[object, ...]] = []
    depth: dict[str, int] = {}
    for span in trace.spans:
        level = depth[span.span_id] = depth.get(span.parent_span_id, -1) + 1
        name = f"{'  ' * level}{span.name}"
        at = f"{span.started - trace.started:.0f} ms"
        rows.append(
            (name, span.kind, span.status, at, f"{span.duration:.0f} ms", span.tokens.total, span.price or None)
        )
        if span.error_message:
            rows.append((f"{'  ' * (level + 1)}! {error_line(span.error_message)}", "", "", "", "", "", ""))
    print_table(("SPAN", "KIND", "STATUS", "AT", "TOOK", "TOKENS", "PRICE"), rows, empty="This trace has no spans yet.")
    failed = {span.parent_span_id for span in trace.spans if span.error_message}
    for span in trace.spans:
        # What a span passes on from one below it says the same again, with the way it took.
        if span.span_id not in failed and error_line(span.error_message) != span.error_message:
            click.echo(f"\nError of {span.name}")
            click.echo("\n".join(f"  {line}" for line in span.error_message.splitlines() if line.strip()))


def error_line(message: str) -> str:
    """An error as a line of a table: some frameworks' errors are a whole traceback."""
    lines = message.split("Traceback (most recent call last)", 1)[0].strip().splitlines()
    first = lines[0] if lines else message.strip().splitlines()[-1] if message.strip() else ""
    return first if len(first) <= ERROR_WIDTH else f"{first[: ERROR_WIDTH - 1]}…"


def _print_io(io: t.SpanIO) -> None:
    if io.withheld:
        click.echo("\nYou may not read what was said. With a reason: trimtab traces unmask ID --reason ...")
        return
    if not io.captured:
        click.echo("\nThis project keeps content out of its traces.")
        return
    for title, messages in (("Input", io.input), ("Output", io.output)):
        click.echo(f"\n{title}")
        for message in messages:
            said = " ".join(str(part.get("text", f"[{part.get('type')}]")) for part in message.parts)
            click.echo(f"  {message.role}: {said}")
    if io.note:
        click.echo(f"\n{io.note}")
    elif io.truncated:
        click.echo("  (cut; the console has the rest)")


def print_sources(trace: t.Trace, sources: list[t.SpanIO]) -> None:
    """What the answer was made from, by the number that it is cited by, and what the model was not given and why."""
    if not trace.knowledge:
        return
    rows: list[tuple[object, ...]] = []
    for line, io in zip(trace.knowledge, sources, strict=True):
        for each in io.params.get("documents") or ():
            number, score = each["number"], f"{each['score']:.4f}"
            why = each.get("left_out") or _allowed(each.get("allowed"))
            rows.append((number or "-", f"{line.corpus}@{line.version}", each["id"], score, why))
        if line.failed:
            rows.append(("-", line.corpus, "", "", line.failed))
    rows.sort(key=lambda row: (row[0] == "-", row[0] if isinstance(row[0], int) else 0))
    click.echo("\nSources")
    print_table(("NO", "CORPUS", "DOCUMENT", "SCORE", "WHY"), rows, empty="Nothing was found that the user may see.")


def _allowed(by: str | None) -> str:
    """None: noted by a server that did not say it yet."""
    if by is None:
        return ""
    return f"allowed by {by}" if by else "open to whoever may search"
