"""The commands `resegment up`, `down` and `serve-reports`: servers on this machine.

Prefect's server is started by deployments/local_server.py, reports are served by
segmentation/report/serving/report_server.py.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from config.settings import Settings, read_settings
from resegment.options import StoreOption
from resegment.terminal import open_stderr, print_failure
from segmentation.errors import Refused
from segmentation.store.files.objects import is_object_url

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
    auth_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with USER:PASSWORD. Default: RESEGMENT_REPORTS_AUTH."),
    ] = None,
    is_behind_sign_in: Annotated[
        bool,
        typer.Option("--behind-sign-in", help="A proxy in front asks for a sign-in, so ask for none here."),
    ] = False,
) -> None:
    """Serve the store's reports over HTTP, read-only. Other machines need a password."""
    from segmentation.report.serving.report_server import LOOPBACK, ReportServer

    settings = read_settings()
    folder = store or settings.store
    if is_object_url(folder):
        raise Refused("store", "serve-reports needs a folder; a bucket's pages are served by its provider")
    sign_in = _resolve_sign_in(auth_file, settings)
    if host not in LOOPBACK and sign_in is None and not is_behind_sign_in:
        raise Refused(
            "password",
            f"other machines can reach {host[:60]}, so a password is needed: give USER:PASSWORD in "
            "--auth-file FILE or RESEGMENT_REPORTS_AUTH, or add --behind-sign-in if a proxy asks for one",
        )
    # Behind a proxy, browsers send the public name as Host.
    public_host = urlsplit(settings.reports_url or "").hostname
    address = host.strip("[]")
    names = [public_host] if public_host else []
    server = ReportServer(Path(folder).absolute(), (address, port), names, sign_in)
    url_host = f"[{address}]" if ":" in address else address
    typer.echo(f"Reports: http://{url_host}:{server.server_address[1]} (Ctrl-C stops)")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("Stopped.")


def _resolve_sign_in(file: Path | None, settings: Settings) -> SecretStr | None:
    """USER:PASSWORD of --auth-file or of the settings; None without either."""
    from segmentation.report.serving.sign_in import check_sign_in, read_sign_in

    if file is not None:
        return read_sign_in(file)
    if settings.reports_auth is None:
        return None
    return check_sign_in(settings.reports_auth, "RESEGMENT_REPORTS_AUTH")
