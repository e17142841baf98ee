"""The command `resegment`: its subcommands, and the exit status of each kind of failure.

Each subcommand has a module in this package. They import pandas, Prefect and other heavy packages inside
their functions, so that `--help` and refusals stay fast.

Exit status: 0 published or already published, 2 refused, 3 another publisher won, 4 held, 130 interrupted,
1 anything else.
"""

import sys

import typer

from config.settings import SettingsError
from resegment.backfill import backfill_app
from resegment.compare import compare_app
from resegment.customer import customer_app
from resegment.deadline import deadline_app
from resegment.editions import editions_app
from resegment.erase import erase_app
from resegment.export import export_app
from resegment.history import history_app
from resegment.init import init_app
from resegment.local_servers import servers_app
from resegment.prune import prune_app
from resegment.rebuild import rebuild_app
from resegment.repair import repair_app
from resegment.report import report_app
from resegment.run import run_app
from resegment.sample import sample_app
from resegment.score import score_app
from resegment.segments import segments_app
from resegment.terminal import print_failure
from resegment.validate import validate_app
from resegment.what_if import what_if_app
from segmentation.errors import ResegmentError
from segmentation.store.files.storage_failures import explain_error

# In the order of the help page.
_SUBCOMMANDS = (
    init_app,
    run_app,
    backfill_app,
    history_app,
    deadline_app,
    report_app,
    segments_app,
    what_if_app,
    customer_app,
    export_app,
    editions_app,
    repair_app,
    erase_app,
    prune_app,
    rebuild_app,
    score_app,
    compare_app,
    validate_app,
    servers_app,
)

app = typer.Typer(
    help="Turn customer data into segments every night, and keep them meaningful.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    # Rich tracebacks can print local variables, which may be customers' values.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command. A failure ends with one line on standard error and its exit status."""
    for subcommand in _SUBCOMMANDS:
        app.add_typer(subcommand)
    app.add_typer(sample_app, name="sample")
    try:
        app()
    except ResegmentError as error:
        print_failure(error)
        sys.exit(error.exit_status)
    except SettingsError as error:
        print_failure(f"settings: {error}")
        sys.exit(2)
    # Not str(error), which begins with the likes of [Errno 2].
    except OSError as error:
        if failure := explain_error(error):
            print_failure(failure)
            sys.exit(failure.exit_status)
        file = f": {error.filename}" if error.filename else ""
        print_failure(f"{error.strerror}{file}")
        sys.exit(1)
