"""Stage campaign: the outcome of customers on a campaign's list next to that of those held out.

It stores nothing. The figures are computed in segmentation/outcomes/campaign_effect.py.
"""

from schemas.campaign import Campaign, CampaignEffect
from schemas.night import Night
from schemas.rows import Customers
from segmentation.exporting.selection import select_members
from segmentation.outcomes.campaign_effect import collect_outcomes, make_selection, measure_effects
from segmentation.outcomes.outcome_night import (
    derive_definition,
    get_outcome,
    list_measures,
    make_outcome_night,
)
from segmentation.outcomes.outcome_sample import OutcomeTable
from segmentation.store.layout import edition_folder, get_home
from tasks.runtime.stage import stage
from tasks.validate import check_horizon


@stage("campaign {night.as_of}")
def compare_groups(night: Night, edition: str, customers: Customers, campaign: Campaign) -> CampaignEffect:
    """Compare the two groups in the date's edition. customers: of the outcome's night."""
    check_horizon(night, customers)
    home, definition = get_home(night), night.definition
    folder = edition_folder(home, night.as_of, edition)
    table = OutcomeTable(customers.parts, derive_definition(definition).features, get_outcome(definition))
    outcomes = collect_outcomes(select_members(home, folder, make_selection(campaign)), table, campaign)
    return CampaignEffect(
        name=definition.name,
        as_of=night.as_of,
        edition=edition,
        until=make_outcome_night(night).as_of,
        campaign=campaign,
        unknown=outcomes.unknown,
        measures=measure_effects(outcomes, list_measures(definition), definition),
    )
