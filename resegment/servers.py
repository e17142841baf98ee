"""The commands `resegment up`, `down` and `serve-reports`: servers on this machine.

Prefect's is deployments/local_server.py's, the reports' segmentation/report/serving.py's, imported when
needed.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from config.settings import read_settings
from resegment.options import Store
from segmentation.errors import Refused
from segmentation.store.objects import is_object_url

server = typer.Typer()


@server.command(epilog="Example: resegment up && resegment run article")
def up() -> None:
    """Keep a local Prefect server running in the background, so that runs start at once."""
    from deployments.local_server import start_server
    from deployments.processes import StartError

    errors = Console(stderr=True, soft_wrap=True)
    errors.print("Starting a Prefect server on this machine…", highlight=False)
    try:
        url, is_new = start_server(read_settings().state.expanduser())
    except StartError as error:
        errors.print(f"resegment: {error}", markup=False, style="red")
        raise typer.Exit(1) from None
    typer.echo(
        f"{'Started' if is_new else 'Already running'}: {url.removesuffix('/api')} (this machine only)"
    )


@server.command(epilog="Example: resegment down")
def down() -> None:
    """Stop the server that `resegment up` started."""
    from deployments.local_server import stop_server

    stopped = stop_server(read_settings().state.expanduser())
    typer.echo("Stopped." if stopped else "No server of ours is running.")


@server.command(epilog="Example: resegment serve-reports --store store --port 4280")
def serve_reports(
    store: Store = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free.")] = 4280,
    host: Annotated[
        str, typer.Option(help="The address to listen on; others reach only this one.")
    ] = "127.0.0.1",
) -> None:
    """Show the store's reports over http, read-only, to people on this machine."""
    from segmentation.report.serving import LOOPBACK, ReportServer

    settings = read_settings()
    place = store or settings.store
    if is_object_url(place):
        raise Refused("store", "serve-reports serves a store of files; a bucket has means of its own")
    if host not in LOOPBACK:
        typer.echo("Note: whoever reaches this address can read the reports; there is no password.", err=True)
    name = urlsplit(settings.reports_url or "").hostname
    address = host.strip("[]")
    reports = ReportServer(Path(place).absolute(), (address, port), [name] if name else [])
    shown = f"[{address}]" if ":" in address else address
    typer.echo(f"Reports: http://{shown}:{reports.server_address[1]} (Ctrl-C ends)")
    with reports:
        try:
            reports.serve_forever()
        except KeyboardInterrupt:
            typer.echo("Stopped.")
