"""Second tables of a definition as definitions of their own, and where those of a manifest are now.

What their clauses hold is in config/attributes.py and config/aliases.py. Reading them is in
segmentation/attributes/.
"""

from collections.abc import Mapping
from typing import Any, Literal

from config.definition import Definition

SideTableName = Literal["attributes", "aliases"]
SIDE_TABLES: tuple[SideTableName, ...] = ("attributes", "aliases")


def list_side_tables(definition: Definition) -> list[SideTableName]:
    """The second tables that a definition names."""
    return [name for name in SIDE_TABLES if getattr(definition, name) is not None]


def has_dated_files(definition: Definition) -> bool:
    """Are the files of the rows, or of a second table, dated?"""
    sources = [
        definition.source,
        *(getattr(definition, name).source for name in list_side_tables(definition)),
    ]
    return any(source.date_in_name is not None for source in sources)


def make_side_definition(definition: Definition, name: SideTableName) -> Definition:
    """The definition of a second table's rows: its own source and contract, and nothing to summarise."""
    table = getattr(definition, name)
    rows = table.rows
    if rows.id_suffix is None and definition.rows.id_suffix is not None:
        rows = rows.model_copy(update={"id_suffix": definition.rows.id_suffix})
    without = dict.fromkeys(("summary", *SIDE_TABLES))
    return definition.model_copy(update={**without, "source": table.source, "rows": rows})


def restore_sources(
    decisive: Mapping[str, Any], current: Definition | None, versions: Mapping[SideTableName | None, int]
) -> dict[str, Any]:
    """The clauses of second tables from a manifest, with where today's definition says that they are.

    A past date is accepted: what the edition was made from is compared by digest. versions: of Delta tables.
    """
    clauses: dict[str, Any] = {}
    for name in SIDE_TABLES:
        clause, table = decisive.get(name), getattr(current, name, None)
        if not clause:
            continue
        places = {} if table is None else table.source.model_dump(exclude_none=True)
        source = {**places, **clause.get("source", {}), "version": versions.get(name)}
        clauses[name] = {**clause, "source": source}
        if name == "attributes":
            clauses[name]["as_of"] = "latest"
    return clauses


def list_unlocated_tables(name: str, content: Mapping[str, Any]) -> list[str]:
    """Which second tables of a restored definition cannot be read, since nothing says where they are."""
    return [
        f"the location of its {table} is unknown: definition {name} does not exist, or has no {table}"
        for table in SIDE_TABLES
        if content.get(table) and not {"path", "sql"} & content[table]["source"].keys()
    ]
