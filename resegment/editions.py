"""The commands `resegment audit`, `diff` and `promote`: editions that exist already.

Nothing here fits a model, and none of them needs a Prefect server.
"""

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from resegment.arguments import parse_date, resolve_home
from resegment.options import EditionIdOption, JsonOption, NameArgument, StoreOption, UserOption
from resegment.terminal import print_table, shorten_path
from schemas.wording import format_edition_size

if TYPE_CHECKING:
    from schemas.promotion import Promotion
    from segmentation.store.catalogue.edition_diff import Difference

editions_app = typer.Typer()


@editions_app.command("audit", epilog="Example: resegment audit article --store out")
def audit_command(name: NameArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Re-hash every file of a segmentation and report what is damaged, and what to do about it."""
    from segmentation.store.repair.audit import audit_store

    audit = audit_store(resolve_home(name, store))
    if as_json:
        document = {"files": audit.files, "damage": [damage.to_dict() for damage in audit.damage]}
        typer.echo(json.dumps(document, indent=2))
    else:
        for damage in audit.damage:
            typer.echo(f"{damage.path}: {damage.problem}\n  {damage.advice}")
        typer.echo(f"{audit.files} files read, {len(audit.damage)} damaged")
    if audit.damage:
        raise typer.Exit(1)


@editions_app.command("diff", epilog="Example: resegment diff article 2026-01-30 2026-01-31")
def diff_command(
    name: NameArgument,
    word_a: Annotated[
        str, typer.Argument(metavar="A", help="A date, or the first characters of an edition's id.")
    ],
    word_b: Annotated[str, typer.Argument(metavar="B", help="Another date or id.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how two editions differ: parameters, data, code, versions, environment, metrics, segments."""
    from segmentation.store.catalogue.edition_diff import diff_editions
    from segmentation.store.catalogue.editions import resolve_date_or_id

    home = resolve_home(name, store)
    editions = [resolve_date_or_id(home, word) for word in (word_a, word_b)]
    differences = diff_editions(home, editions[0], editions[1])
    if as_json:
        typer.echo(json.dumps([difference.to_dict() for difference in differences], indent=2))
    elif differences:
        titles = [f"{edition.as_of} {edition.edition[:8]} ({edition.state})" for edition in editions]
        print_table(("", "", *titles), [_format_cells(difference) for difference in differences])
    else:
        typer.echo("They do not differ.")


def _format_cells(difference: "Difference") -> list[str]:
    """Part, fact and both values; next to the second number its relative change."""
    from segmentation.store.catalogue.edition_diff import format_fact

    value_a, value_b = difference.old, difference.new
    change = ""
    if isinstance(value_a, int | float) and isinstance(value_b, int | float) and value_a:
        change = f" ({(value_b - value_a) / abs(value_a):+.1%})"
    return [difference.part, difference.fact, format_fact(value_a), format_fact(value_b) + change]


@editions_app.command(
    "promote", epilog="Example: resegment promote article --as-of 2026-01-30 --reason 'a real sale'"
)
def promote_command(
    name: NameArgument,
    as_of: Annotated[str, typer.Option(metavar="DATE", help="The edition's date.")],
    edition: EditionIdOption = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")] = "",
    user: UserOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a held edition live, or go back to an earlier one.

    Editions published for later dates stay published under their dates,
    but the next night builds on the promoted edition, not on them.
    """
    from segmentation.promoting import PromotionRequest, promote_edition

    request = PromotionRequest(parse_date(as_of), edition, user or getpass.getuser(), reason)
    promotion = promote_edition(resolve_home(name, store), request)
    typer.echo(promotion.model_dump_json(indent=2) if as_json else format_promotion(promotion))


def format_promotion(promotion: "Promotion") -> str:
    """Which edition is live, which one was, and where segments and report are."""
    has_changed = promotion.outcome == "promoted"
    lines = [
        f"{'Live' if has_changed else 'Live already'}: {promotion.name} as of {promotion.as_of}, "
        f"{format_edition_size(promotion.customers, promotion.k)}, edition {promotion.edition}"
    ]
    if promotion.previous_live and has_changed:
        lines.append(f"  before: {promotion.previous_live[0]}, edition {promotion.previous_live[1]}")
    if promotion.superseded:
        lines.append(f"  superseded: {promotion.describe_superseded()}")
    lines += [f"  note: {warning}" for warning in promotion.warnings]
    lines.append(f"Segments: {shorten_path(promotion.segments_path)}")
    lines.append(f"Report:   {shorten_path(promotion.report_path)}")
    return "\n".join(lines)
