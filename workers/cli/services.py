"""`up`, `down`, `status`, `doctor`: the services and what this machine lacks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.output import console, one_line, print_json, print_line

if TYPE_CHECKING:
    from workers.services import ServiceStatus

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def up() -> None:
    """Start the embedded services; whatever needs them also does this by itself."""
    from workers import services

    with console().status("starting the services"):
        services.up()
    _print(services.status())


@app.command()
def down() -> None:
    """Stop the embedded services; nothing is lost."""
    from workers import services

    with console().status("stopping the services"):
        services.down()


@app.command()
def status(json: Json = False) -> None:
    """Show where the services are, whether they run, and how the jobs get on."""
    from workers import services
    from workers.cli.jobs import job_status, print_job_status

    found = services.status()
    jobs = job_status() if services.is_migrated(found) else []
    if json:
        print_json({"services": [asdict(service) for service in found], "jobs": jobs})
    else:
        _print(found)
        print_job_status(jobs)
    if not all(service.running for service in found):
        raise typer.Exit(1)


def _print(found: list[ServiceStatus]) -> None:
    for service in found:
        state = "running" if service.running else "stopped"
        if service.name == "objects":
            state = "ready" if service.running else "missing"
        pid = f"pid {service.pid}" if service.pid else ""
        kind = service.version or ""
        print_line(f"{service.name:9} {service.mode:10} {state:8} {pid:12} {kind}".rstrip())
        print_line(f"{'':9} {one_line(service.where)}")
        if service.reason:
            print_line(f"{'':9} {one_line(service.reason)}")


@app.command()
def doctor(json: Json = False) -> None:
    """Check this machine; name what is missing and the command that mends it."""
    from workers import doctor as checks

    found = checks.examine()
    if json:
        print_json([asdict(check) for check in found])
    else:
        for check in found:
            mark = {"ok": "ok", "warning": "note", "missing": "MISSING"}[check.state]
            print_line(f"{mark:8} {check.name:10} {check.detail}")
            if check.remedy:
                print_line(f"{'':8} {'':10} -> {check.remedy}")
    if any(check.state == "missing" for check in found):
        raise typer.Exit(1)
