"""`trimtab doctor`: is everything as it should be, and if not, what to do.

Looks at the installation, the data folder, the stores and the providers of this machine, whether the server runs or
not. It changes nothing, spends no token, and says for each problem how to fix it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from trimtab.cli import terminal
from trimtab.cli.base import FAILED, OK, json_option, print_json, told

if TYPE_CHECKING:
    from trimtab.cli.doctor.checks import Check, Patient

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--data-dir", default=None, help="[env: TRIMTAB_DATA_DIR; default: trimtab-data]")
@click.option("--config", default=None, help="[env: TRIMTAB_CONFIG]")
@click.option("--host", default=None, help="[env: TRIMTAB_HOST]")
@click.option("--port", default=None, help="[env: TRIMTAB_PORT]")
@json_option
@click.pass_context
def command(
    ctx: click.Context, *, data_dir: str | None, config: str | None, host: str | None, port: str | None, as_json: bool
) -> None:
    """Check the installation, the stores and the providers; say how to fix what is wrong.

    Give it the same options and environment as `trimtab up`. Changes nothing and spends no token. Exits with 1 when a
    check fails; warnings do not count.

    \b
    Examples:
      trimtab doctor
      trimtab doctor --data-dir /var/lib/trimtab --json
    """
    import os

    with told(as_json=as_json):
        from trimtab.cli.doctor import checks, machine

        report = [machine.python(), *machine.packages()]
        if not any(check.state == "fail" for check in report):
            from trimtab.server.settings import Settings

            settings = Settings.read(data_dir=data_dir, config=config, host=host, port=port)
            server = checks.running_server(settings.data_dir.absolute())
            report += examine(checks.Patient(settings=settings, environ=os.environ, server=server))
    with terminal.guarded():
        _print(report, as_json=as_json)
    ctx.exit(FAILED if any(check.state == "fail" for check in report) else OK)


def examine(patient: "Patient") -> "Iterator[Check]":
    """Every check that needs the server's packages, in an order in which a cause comes before its effects."""
    from trimtab.cli.doctor import machine, providers, stores

    findings = stores.Findings()
    yield machine.bytecode()
    yield machine.console()
    yield machine.local_model()
    yield machine.price_book()
    yield from machine.data_folder(patient)
    yield machine.disk(patient)
    yield machine.clock(patient)
    yield machine.port(patient)
    yield stores.config_file(patient, findings)
    yield stores.catalog(patient, findings)
    yield from stores.replicas(patient)
    yield from stores.telemetry(patient)
    yield from providers.providers(patient, findings)


def _print(report: "list[Check]", *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": all(check.state != "fail" for check in report), "checks": report})
        return
    width = max(len(check.name) for check in report)
    for check in report:
        mark, colour = _MARKS[check.state]
        click.echo(f"{click.style(mark, fg=colour)}  {check.name:<{width}}  {check.detail}")
        if check.fix:
            click.echo(f"{' ' * (width + 6)}  -> {check.fix}")
    failed = sum(check.state == "fail" for check in report)
    warned = sum(check.state == "warn" for check in report)
    click.echo(f"\n{len(report) - failed - warned} fine, {warned} to look at, {failed} to fix.")
