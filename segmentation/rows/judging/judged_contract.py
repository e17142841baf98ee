"""What judged rows depend on besides their file: the contract and the code.

Which files are kept is decided in judged_cache.py.
"""

import hashlib

from segmentation.rows.judging.cast_batch import Contract
from segmentation.store.catalogue.edition_key import digest_code


def identify_contract(contract: Contract, schema: str | None) -> str:
    """What rows are judged by, whatever the files, the window and the tombstones. No digest of pandera's
    schema: it is made of the rows' contract by this code."""
    counted = contract.counted
    counting = counted and (
        counted.filters.to_pylist(),
        counted.without_id.to_pylist(),
        counted.margins,
        counted.totals,
    )
    content = (
        digest_code(),
        contract.rows,
        contract.dialect,
        contract.currencies,
        contract.amounts,
        schema,
        contract.window is None,
        counting,
    )
    return hashlib.sha256(repr(content).encode()).hexdigest()
