"""The process of one run: Prefect's engine, which may read results only from this machine's results folder.

deployments/worker.py starts it with the flow's entrypoint in the environment. A result is code to whoever can
write it: it names the class, or the pickle, that is loaded. The states and blocks that say where a result is
come from the server, so without this guard they could name a file of somebody else's.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import Refused

if TYPE_CHECKING:
    from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
    from prefect.client.schemas.objects import BlockDocument


def guard_results() -> None:
    """Make Prefect refuse results outside the results folder, and blocks whose class the server chooses."""
    from prefect.blocks.core import Block
    from prefect.results import ResultStore

    load_block = vars(Block)["_from_block_document"].__func__
    load_result = vars(ResultStore)["_from_metadata"].__func__

    def load_known_block(cls: type[Block], document: "BlockDocument") -> Block:
        # Secret.load() names its class here; Block.load() takes it from the server.
        if cls is Block:
            raise Refused("block", "this process loads no storage block; results are kept in a folder")
        block: Block = load_block(cls, document)
        return block

    async def load_own_result(
        cls: type[ResultStore], metadata: "ResultRecordMetadata"
    ) -> "ResultRecord[object]":
        check_place_of_result(metadata.storage_key, metadata.storage_block_id)
        record: ResultRecord[object] = await load_result(cls, metadata)
        return record

    Block._from_block_document = classmethod(load_known_block)  # type: ignore[assignment]
    ResultStore._from_metadata = classmethod(load_own_result)  # type: ignore[assignment]


def check_place_of_result(key: str | None, block: object) -> None:
    """Refuse a result that is not in the results folder. Keys are names in it, or absolute paths."""
    folder = Path(os.environ["PREFECT_RESULTS_LOCAL_STORAGE_PATH"]).resolve()
    # resolve() first: ".." and symbolic links must not lead out.
    if block is not None or key is None or not (folder / key).resolve().is_relative_to(folder):
        raise Refused(
            "result", "a state of this run names a result outside the results folder; start a new run"
        )


def run_engine() -> int:
    """Run the flow run that the environment names, with the worker's entrypoint. Returns the exit status."""
    guard_results()
    from prefect.flow_engine import _main as run_prefect

    return run_prefect([os.environ["PREFECT__FLOW_ENTRYPOINT"]])


if __name__ == "__main__":
    sys.exit(run_engine())
