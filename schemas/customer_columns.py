"""The contract of a customer's own columns in published tables: features and profile, in the source's types.

The columns that a night adds to them are in tables.py.
"""

from collections.abc import Sequence

import pandera.pandas as pa

from config.definition import Definition

DTYPES = {
    "int": "int64",
    "float": "float64",
    "bool": "bool",
    "category": "str",
    "text": "str",
    "timestamp": "datetime64[ns]",
}
# pandas has separate types for integers and booleans with missing values.
NULLABLE_DTYPES = {**DTYPES, "int": "Int64", "bool": "boolean"}


def describe_columns(definition: Definition, names: Sequence[str]) -> dict[str, pa.Column]:
    """The columns of these names, as customers have them."""
    contracts, columns = definition.customer_columns, {}
    for name in names:
        contract = contracts[name]
        unit = f" Unit: {contract.unit}." if contract.unit else ""
        is_profile = name in definition.profile
        meaning = contract.description or f"{'Profile' if is_profile else 'Feature'}, as in the source."
        # A customer without a value stays: nothing is computed from a profile column.
        is_nullable = contract.nullable or (is_profile and definition.summary is not None)
        is_averaged = definition.rows.on_duplicate == "mean" and contract.type in ("int", "float")
        dtype = (NULLABLE_DTYPES if is_nullable else DTYPES)[contract.type]
        columns[name] = pa.Column(
            "float64" if is_averaged else dtype, nullable=is_nullable, description=f"{meaning}{unit}"
        )
    return columns
