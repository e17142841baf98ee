"""The flow `promote`: a person puts an edition live from the Prefect UI.

What it does is segmentation/promoting.py's; `resegment promote` does the same without a server.
"""

from prefect import flow, runtime

from schemas.promotion import Promotion
from segmentation.errors import Refused
from segmentation.promoting import Asked, promote_edition
from segmentation.store.layout import look_up_home
from tasks.runtime.artifacts import show_promotion
from tasks.runtime.parameters import AsOf, check_store


def name_run() -> str:
    """`article 2026-01-31 by ana`: which edition, and who asks."""
    parameters = runtime.flow_run.parameters
    return f"{parameters['name']} {parameters['as_of']} by {parameters['who']}"


@flow(flow_run_name=name_run, persist_result=True, result_serializer="json")
def promote(
    name: str,
    as_of: AsOf,
    who: str,
    reason: str = "",
    edition: str | None = None,
    store: str | None = None,
) -> Promotion:
    """Put a held edition live, or an earlier one again.

    Args:
        name: The segmentation's name in the store, such as article.
        as_of: Date of the edition (YYYY-MM-DD).
        who: Your name, for the ledger.
        reason: Why, for the ledger.
        edition: The edition's id, or how it begins. Needed only where the date has more than one.
        store: Folder of the store instead of the configured one.
    """
    if as_of is None:
        raise Refused("as-of", "as_of is needed; expected the edition's date as YYYY-MM-DD")
    promoted = promote_edition(look_up_home(name, check_store(store)), Asked(as_of, edition, who, reason))
    show_promotion(promoted)
    return promoted
