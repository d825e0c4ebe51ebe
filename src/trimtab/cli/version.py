"""`trimtab version`."""

import platform

import click

from trimtab import __version__
from trimtab.cli.base import json_option, print_json
from trimtab.core.compiled import build_note, is_compiled


@click.command()
@json_option
def command(*, as_json: bool) -> None:
    """Print the version.

    \b
    Example:
      trimtab version --json
    """
    if as_json:
        print_json(
            {
                "trimtab": __version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "compiled": is_compiled(),
            }
        )
    else:
        click.echo(f"trimtab {__version__}{build_note()} (Python {platform.python_version()})")
