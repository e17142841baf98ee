"""Stage champion: the k-means segments that a comparison of algorithms compares with, if an edition has them.

Without such an edition the flow fits them, by the stages of a night.
"""

from schemas.comparison import Champion
from schemas.evidence import Choice
from schemas.look import Look
from schemas.night import Night
from schemas.rows import Ingested
from schemas.tables import SWEEP
from segmentation.errors import Refused
from segmentation.model import read_model
from segmentation.parts import read_table
from segmentation.store.catalogue.editions import Edition, list_editions
from segmentation.store.catalogue.other_code import has_same_content
from segmentation.store.edition.manifests import check_file
from segmentation.store.layout import edition_folder, get_home
from tasks.runtime.stage import stage


@stage("champion {night.as_of}")
def look_up_champion(night: Night, ingested: Ingested) -> Champion:
    """The segments of the date's edition that has the same definition and rows. Without one, no segments."""
    home = get_home(night)
    editions = sorted(list_editions(home, night.as_of), key=lambda edition: edition.state != "published")
    for edition in editions:
        folder = edition_folder(home, night.as_of, edition.edition)
        if has_same_content(night, edition.manifest, folder, ingested):
            try:
                return read_champion(night, edition)
            except Refused:  # then the champion is fitted for the comparison
                continue
    return Champion()


def read_champion(night: Night, edition: Edition) -> Champion:
    """The segments of an edition. Refused if model or evidence is damaged, or of an earlier version."""
    folder = edition_folder(get_home(night), night.as_of, edition.edition)
    columns = read_table(check_file(folder, "sweep.parquet")).column_names
    if not {*SWEEP.columns} <= {*columns}:
        raise Refused("no-evidence", f"{folder} is of an earlier version, which measured less")
    model = read_model(check_file(folder, "model.json"))
    return Champion(
        k=edition.manifest.k,
        reasons=edition.manifest.why_k,
        centres=model.centres,
        edition=edition.edition,
        model=model,
    )


def make_champion(choice: Choice, look: Look) -> Champion:
    """The segments that were fitted for the comparison."""
    centres = next(candidate.centres for candidate in look.candidates if candidate.k == choice.k)
    return Champion(k=choice.k, reasons=choice.reasons, centres=centres, choice=choice)
