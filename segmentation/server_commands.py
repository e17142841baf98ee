"""The commands `resegment up` and `down`: a local Prefect server that stays between runs.

The server is deployments/local_server.py's, imported when it is needed.
"""

import typer
from rich.console import Console

from config.settings import read_settings

server = typer.Typer()


@server.command(epilog="Example: resegment up && resegment run article")
def up() -> None:
    """Keep a local Prefect server running in the background, so that runs start at once."""
    from deployments.local_server import ServerError, start_server

    errors = Console(stderr=True, soft_wrap=True)
    errors.print("Starting a Prefect server on this machine…", highlight=False)
    try:
        url, is_new = start_server(read_settings().state.expanduser())
    except ServerError as error:
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
