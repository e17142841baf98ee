"""The commands `resegment up`, `down` and `serve-reports`: servers on this machine.

Prefect's server is started by deployments/local_server.py, reports are served by
segmentation/report/report_server.py.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from config.settings import read_settings
from resegment.options import StoreOption
from resegment.terminal import open_stderr, print_failure
from segmentation.errors import Refused
from segmentation.store.objects import is_object_url

servers_app = typer.Typer()


@servers_app.command("up", epilog="Example: resegment up && resegment run article")
def up_command() -> None:
    """Keep a local Prefect server running in the background, so that runs start at once."""
    from deployments.local_server import start_server
    from deployments.services import StartError

    open_stderr().print("Starting a Prefect server on this machine…", highlight=False)
    try:
        url, is_new = start_server(read_settings().state.expanduser())
    except StartError as error:
        print_failure(error)
        raise typer.Exit(1) from None
    page = url.removesuffix("/api")
    typer.echo(f"{'Started' if is_new else 'Already running'}: {page} (this machine only)")


@servers_app.command("down", epilog="Example: resegment down")
def down_command() -> None:
    """Stop the server that `resegment up` started."""
    from deployments.local_server import stop_server

    was_running = stop_server(read_settings().state.expanduser())
    typer.echo("Stopped." if was_running else "No server started by 'resegment up' is running.")


@servers_app.command("serve-reports", epilog="Example: resegment serve-reports --store store --port 4280")
def serve_reports_command(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")] = 4280,
    host: Annotated[
        str, typer.Option(help="The address to listen on. The default accepts only this machine.")
    ] = "127.0.0.1",
) -> None:
    """Serve the store's reports over HTTP, read-only, on this machine."""
    from segmentation.report.report_server import LOOPBACK, ReportServer

    settings = read_settings()
    folder = store or settings.store
    if is_object_url(folder):
        raise Refused("store", "serve-reports needs a folder; a bucket's pages are served by its provider")
    if host not in LOOPBACK:
        typer.echo("Note: anyone who can reach this address can read the reports.", err=True)
    # Behind a proxy, browsers send the public name as Host.
    public_host = urlsplit(settings.reports_url or "").hostname
    address = host.strip("[]")
    server = ReportServer(Path(folder).absolute(), (address, port), [public_host] if public_host else [])
    url_host = f"[{address}]" if ":" in address else address
    typer.echo(f"Reports: http://{url_host}:{server.server_address[1]} (Ctrl-C stops)")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("Stopped.")
