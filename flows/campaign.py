"""The flow `measure-campaign`: the outcome of who was on a campaign's list, and of who was held out.

It publishes and stores nothing. What a stage does is in its file in tasks/.
"""

from datetime import UTC, datetime

from prefect import flow

from flows.night_runs import NIGHT_OPTIONS
from schemas.campaign import Campaign, CampaignEffect
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.outcomes.outcome_night import compute_horizon_end, get_outcome, make_outcome_night
from tasks.campaign import compare_groups
from tasks.ingest import ingest
from tasks.runtime.parameters import AsOf
from tasks.runtime.session import close_run, night_session, open_night
from tasks.summarise import summarise
from tasks.validate import INCOMPLETE


@flow(**NIGHT_OPTIONS)
def measure_campaign(
    definition: str,
    as_of: AsOf,
    edition: str,
    campaign: Campaign,
    source: str | None = None,
    store: str | None = None,
) -> CampaignEffect:
    """Measure a campaign whose list was exported from an edition.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date of the edition (YYYY-MM-DD).
        edition: Its id.
        campaign: Who was on the list, and who was held out.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder of the store instead of the configured one.
    """
    night = open_night(definition, as_of, source=source, store=store, force=True)
    until = compute_horizon_end(get_outcome(night.definition), night.as_of)
    if str(until) > night.definition.today(datetime.now(UTC)):
        raise Refused(INCOMPLETE, f"the horizon of {night.as_of} ends on {until}; measure the campaign then")
    with night_session(night):
        effect = measure_effect(night, edition, campaign)
        close_run(night, "validated", {"edition": edition, "reasons": [effect.log_line]})
    return effect


def measure_effect(night: Night, edition: str, campaign: Campaign) -> CampaignEffect:
    """The stages: the outcome's rows become customers, and are compared."""
    outcome_night = make_outcome_night(night)
    ingested = ingest(outcome_night)
    customers = summarise(outcome_night, ingested)
    return compare_groups(night, edition, customers, campaign)
