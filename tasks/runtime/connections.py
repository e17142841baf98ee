"""Looking up the secret that a definition's `connection` names: in the environment, else in a Prefect block.

segmentation/rows/reading/database.py connects with it. It is returned, never kept, logged or recorded.
"""

import os

from prefect.blocks.system import Secret
from pydantic import SecretStr

from segmentation.errors import Refused


def variable_name(connection: str) -> str:
    """The environment variable of a connection: RESEGMENT_CONNECTION_ and its name in capitals."""
    return f"RESEGMENT_CONNECTION_{connection.upper().replace('-', '_')}"


def look_up_secret(connection: str) -> SecretStr:
    """The database's URL. Refused if neither the environment nor a Prefect Secret block has it."""
    variable = variable_name(connection)
    if url := os.environ.get(variable):
        return SecretStr(url)
    try:
        block = Secret.load(connection)
    except ValueError:
        block = None
    if block is None:
        raise Refused(
            "connection",
            f"connection {connection}: set {variable}, or make a Prefect Secret block named {connection}",
        )
    return SecretStr(str(block.get()))  # type: ignore[union-attr]  # called from a task, which is not async
