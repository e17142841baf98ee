"""The flow `prune`: removes, on a schedule, the editions that a definition's retention does not keep.

The work is in segmentation/pruning/pruning.py; `resegment prune` does the same without a server.
"""

from prefect import flow, get_run_logger, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from config.settings import read_settings
from schemas.pruning import PruneSummary
from segmentation.pruning.pruning import PruneRequest, prune_editions, rehearse_pruning
from segmentation.store.layout import look_up_home
from tasks.runtime.artifacts import send_artifact
from tasks.runtime.parameters import check_parameters
from tasks.runtime.pruning_page import render_pruning
from tasks.runtime.session import working_folder


def name_pruning() -> str:
    """`article`, or `article dry run`."""
    parameters = runtime.flow_run.parameters
    return f"{parameters['definition']}{' dry run' if parameters.get('dry_run') else ''}"


@flow(flow_run_name=name_pruning, persist_result=True, result_serializer="json")
def prune(definition: str, dry_run: bool = False, store: str | None = None) -> State[PruneSummary]:
    """Remove the editions that the definition's retention does not keep. Without a retention nothing goes.

    Args:
        definition: Name of the segmentation, such as article.
        dry_run: Only list what would be removed.
        store: Folder of the store instead of the configured one.
    """
    checked = check_parameters(definition, source=None, store=store)
    name, retention = checked.definition.name, checked.definition.retention
    if retention is None:
        summary = PruneSummary(name=name, outcome="nothing", retention=None)
        return Completed(message=summary.describe(), data=summary)
    home = look_up_home(name, checked.store)
    work = working_folder(checked.store, read_settings().state) / name
    request = PruneRequest(retention, "the flow prune", work)
    logger = get_run_logger()
    summary = rehearse_pruning(home, request) if dry_run else prune_editions(home, request, logger.info)
    send_artifact(render_pruning(summary), name)
    return Completed(message=summary.describe(), data=summary)
