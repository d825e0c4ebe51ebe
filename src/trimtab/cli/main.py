"""`trimtab`: finds the command, runs it, and turns how it ended into an exit code."""

import importlib
import sys
from typing import cast

import click

COMMANDS = (
    "up",
    "restart",
    "demo",
    "doctor",
    "projects",
    "keys",
    "members",
    "roles",
    "login",
    "identity-providers",
    "directory",
    "providers",
    "models",
    "prompts",
    "apps",
    "release",
    "rollouts",
    "environments",
    "eval",
    "suites",
    "experiments",
    "redteam",
    "audit",
    "compliance",
    "datasets",
    "knowledge",
    "routes",
    "validate",
    "plan",
    "apply",
    "diff",
    "drift",
    "replay",
    "reload",
    "resilience",
    "limits",
    "policies",
    "cache",
    "conformance",
    "accounting",
    "traces",
    "query",
    "sql",
    "views",
    "dashboards",
    "dead-letters",
    "remap",
    "scorers",
    "scores",
    "guards",
    "judges",
    "online",
    "quality",
    "feedback",
    "review",
    "detectors",
    "costs",
    "prices",
    "reconcile",
    "retention",
    "erase",
    "legal-holds",
    "encryption",
    "secret-key",
    "backup",
    "restore",
    "export",
    "forwards",
    "version",
    "completion",
)

EPILOG = """\b
Examples:
  trimtab up                          start a server on http://127.0.0.1:4600
  trimtab demo                        see it at work with a local model, no key needed
  trimtab keys create my-app          a key for an application
  trimtab traces list -q status:error what went wrong today

\b
Environment:
  TRIMTAB_URL        the server that commands talk to (default http://127.0.0.1:4600)
  TRIMTAB_ADMIN_KEY  the admin key; or TRIMTAB_API_KEY, a key with fewer rights
  TRIMTAB_PROJECT    the project (default "default")

\b
Exit codes:
  0 it worked    1 it did not    2 wrong usage    3 server not reachable    4 key refused    130 interrupted
"""


class LazyGroup(click.Group):
    """Loads a command's module when that command is asked for: `trimtab version` never imports the demo."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", importlib.import_module(f"trimtab.cli.{cmd_name.replace('-', '_')}").command)


@click.group(
    cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def command() -> None:
    """Run, watch, judge, change and govern what language models do for you."""


def main() -> None:
    """The console script. Ends the process with one of the exit codes of `cli/base.py`."""
    try:
        code = command.main(prog_name="trimtab", standalone_mode=False)
    except click.exceptions.Abort:
        alone = "" if sys.stdin.isatty() else " Where nobody is there to answer, its --help names the option that does."
        click.echo(f"Interrupted.{alone}", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
