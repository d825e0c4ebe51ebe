"""`trimtab`: finds the command, runs it, and turns how it ended into an exit code."""

import difflib
import importlib
import sys
from typing import cast

import click

from trimtab import __version__
from trimtab.core.compiled import build_note
from trimtab.core.lean_httpx import import_less

SECTIONS = {
    "Start": ("up", "demo", "doctor", "login", "restart", "reload", "version", "completion"),
    "Run": (
        *(
            "projects",
            "keys",
            "providers",
            "models",
            "routes",
            "replay",
            "conformance",
            "resilience",
            "limits",
            "cache",
        ),
        *("costs", "prices", "batches", "reconcile"),
    ),
    "Watch": (
        *("traces", "sessions", "users", "errors", "tools"),
        *("query", "sql", "views", "dashboards", "detectors", "dead-letters", "remap", "accounting"),
        *("export", "forwards"),
    ),
    "Ship": (
        *("prompts", "apps", "release", "rollouts", "environments", "knowledge"),
        *("validate", "plan", "apply", "diff", "drift"),
    ),
    "Measure": (
        *("eval", "datasets", "suites", "experiments", "scorers", "scores", "judges", "online", "quality"),
        *("feedback", "review"),
    ),
    "Protect": (
        *(
            "guards",
            "redteam",
            "policies",
            "members",
            "roles",
            "identity-providers",
            "directory",
            "audit",
            "compliance",
        ),
        *("retention", "erase", "legal-holds", "encryption", "secret-key", "backup", "restore"),
    ),
}
"""The commands by what a person is about to do; the console's pages stand under the same words."""
COMMANDS = tuple(name for names in SECTIONS.values() for name in names)

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; what is no command is answered by those it may have been meant for."""
        near = [] if args[0] in COMMANDS else difflib.get_close_matches(args[0], COMMANDS, n=2)
        if near and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {' or '.join(near)}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each section under its name."""
        widest = max(map(len, COMMANDS))
        room = formatter.width - 6 - widest
        for title, names in SECTIONS.items():
            found = ((name, self.get_command(ctx, name)) for name in names)
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:{widest}}", one.get_short_help_str(room)) for name, one in found if one is not None]
                )


@click.version_option(__version__, "-V", "--version", message=f"trimtab %(version)s{build_note()}")
@click.group(
    cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def command() -> None:
    """Run, watch, judge, change and govern what language models do for you."""


def main() -> None:
    """The console script. Ends the process with one of the exit codes of `cli/base.py`."""
    import_less()
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
