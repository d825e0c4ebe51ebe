"""`trimtab demo`: a language model, operated, before one's eyes; no key, no model hub, nothing to configure.

A server of its own on a fresh data folder, a local model, a provider that always fails, and forty questions about our
own documentation through the official clients. Then every call is looked up in the API: answered, traced, costed. In
the second act an app's second release goes to half of its visitors, fails, and is rolled back by itself (`release.py`).
"""

from pathlib import Path

import click

from trimtab.cli.base import INTERRUPTED, json_option, told


@click.command()
@click.option("--once", is_flag=True, help="Stop when the questions are answered; exit 0 only if all is in order.")
@json_option
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="[default: 4600, or any free one]")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="A new folder, which is kept. [default: a temporary one, removed at the end]",
)
@click.pass_context
def command(ctx: click.Context, *, once: bool, as_json: bool, port: int | None, data_dir: Path | None) -> None:
    """See Trimtab at work with a local model; about a minute.

    Starts a server on a fresh data folder, asks forty questions through the official openai and anthropic clients
    (a few of them to a provider that fails, so that a fallback shows), lets a bad release go to half of an app's
    visitors and be rolled back, prints what happened, and stays up with a link to the console until Ctrl-C. With
    OPENAI_API_KEY or ANTHROPIC_API_KEY set, those models can be called too.

    With --json, the last line on standard output is one object: calls, answered, traced, costed, fallbacks, tokens,
    cost (US dollars), p50_ms, p95_ms, ttft_ms, rollback (state, reason, visits, candidate, failed, seconds,
    asked_afterwards, afterwards, informed).

    \b
    Examples:
      trimtab demo
      trimtab demo --once --json
    """
    with told(as_json=as_json):
        from trimtab.cli.demo.run import Options, run

        try:
            code = run(Options(once=once, as_json=as_json, port=port, data_dir=data_dir))
        except KeyboardInterrupt:
            click.echo("Stopped; nothing is left running.", err=True)
            code = INTERRUPTED if once else 0
    ctx.exit(code)
