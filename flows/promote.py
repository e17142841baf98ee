"""The flow `promote`: a person makes an edition live from the Prefect UI.

The work is in segmentation/promoting.py; `resegment promote` does the same without a server.
"""

from prefect import flow, runtime

from schemas.promotion import Promotion
from segmentation.errors import Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.layout import look_up_home
from tasks.runtime.artifacts import render_promotion, send_artifact
from tasks.runtime.parameters import AsOf, resolve_store


def name_promotion() -> str:
    """`article 2026-01-31 by ana`: the edition, and the person who promotes it."""
    parameters = runtime.flow_run.parameters
    return f"{parameters['name']} {parameters['as_of']} by {parameters['who']}"


@flow(flow_run_name=name_promotion, persist_result=True, result_serializer="json")
def promote(
    name: str,
    as_of: AsOf,
    who: str,
    reason: str = "",
    edition: str | None = None,
    store: str | None = None,
) -> Promotion:
    """Make a held edition live, or an earlier one again.

    Args:
        name: The segmentation's name in the store, such as article.
        as_of: Date of the edition (YYYY-MM-DD).
        who: Your name, for the ledger.
        reason: Why, for the ledger.
        edition: The edition's id, or its first characters. Needed only if the date has several editions.
        store: Folder of the store instead of the configured one.
    """
    # AsOf allows None, because an empty date has a meaning in other flows.
    if as_of is None:
        raise Refused("as-of", "as_of is missing; expected the edition's date as YYYY-MM-DD")
    promotion = promote_edition(
        look_up_home(name, resolve_store(store)), PromotionRequest(as_of, edition, who, reason)
    )
    send_artifact(render_promotion(promotion), promotion.name)
    return promotion
