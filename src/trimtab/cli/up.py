"""`trimtab up`: start a server."""

import gc
from typing import Any

import click


@click.command()
@click.option("--host", default=None, help="Address to listen on. [env: TRIMTAB_HOST; default: 127.0.0.1]")
@click.option("--port", default=None, help="Port to listen on; 0 takes a free one. [env: TRIMTAB_PORT; default: 4600]")
@click.option("--data-dir", default=None, help="Keeps everything. [env: TRIMTAB_DATA_DIR; default: trimtab-data]")
@click.option("--config", default=None, help="YAML file that declares providers and models. [env: TRIMTAB_CONFIG]")
@click.option("--workers", default=None, help="Server processes on the port. [env: TRIMTAB_WORKERS; default: 1]")
@click.option(
    "--log-level", default=None, help="debug, info, warning or error. [env: TRIMTAB_LOG_LEVEL; default: info]"
)
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Start the server: data plane, API and console, with its telemetry store.

    Runs until SIGTERM or Ctrl-C; calls in flight are finished first. The first start prints an admin key and a login
    link, once.

    \b
    Examples:
      trimtab up
      trimtab up --port 8080 --data-dir /var/lib/trimtab
      trimtab up --config trimtab.yaml --workers 2
      TRIMTAB_ADMIN_KEY=tt_my-own-long-secret-key trimtab up
    """
    from trimtab.cli.base import USAGE, told
    from trimtab.core.errors import InvalidRequest, TrimtabError
    from trimtab.server.starting import Starting

    starting = Starting("loading the program")
    gc.disable()  # of what is imported nothing is garbage: to look for some takes a tenth of the start
    try:
        from trimtab.server.settings import Settings
        from trimtab.server.up import run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("trimtab"):
            raise
        with told(as_json=False):
            raise TrimtabError(
                f"The server is not installed: there is no module {error.name!r}.", fix="pip install 'trimtab[server]'"
            ) from error
    finally:
        gc.enable()
    try:
        settings = Settings.read(**options)
    except InvalidRequest as error:
        starting.over()
        click.echo(f"trimtab: {error.sentence()}", err=True)
        ctx.exit(USAGE)
    ctx.exit(run(settings, starting))
