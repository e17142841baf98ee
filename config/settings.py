"""Settings of this machine, read from RESEGMENT_… environment variables.

What a run does is in the definition, see config/definition.py.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.cores import count_usable_cores
from config.definition import BUILT_IN

# Set by commands whose Prefect server ends with the run, so that nothing can retry it.
NO_RETRY = "RESEGMENT_NO_RETRY"


def _split(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Split at commas."""
    if not isinstance(value, str):
        return value
    return tuple(item.strip() for item in value.split(",") if item.strip())


class Settings(BaseSettings):
    """Settings of one machine. No setting changes a byte of an edition."""

    model_config = SettingsConfigDict(env_prefix="RESEGMENT_", frozen=True, extra="ignore")

    store: str = Field("store", min_length=1, description="Where editions are published.")
    definitions: Path = Field(BUILT_IN, description="Folder of the definition files.")
    threads: int = Field(
        default_factory=count_usable_cores, ge=1, le=256, description="Threads of passes, and tasks at once."
    )
    memory_limit: str = Field(
        "1GB",
        pattern=r"^\d{1,6}(\.\d{1,3})?(MB|GB|MiB|GiB)$",
        description="Memory for summarising events, the rest goes to disk; and for algorithms compared.",
    )
    state: Path = Field(Path("~/.local/state/resegment"), description="The local server's pid file and log.")
    stale_hours: float = Field(
        72.0, ge=0, description="Stage files of runs that died longer ago are removed."
    )
    space_margin: float = Field(
        1.25,
        ge=0,
        description="A night needs this times the estimated free space; 0: free space is not checked.",
    )
    judged_gb: float = Field(
        5.0,
        ge=0,
        description="What judged source files of one segmentation may take, in GB; 0: nothing is kept.",
    )
    reports_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._/-]*)?$",
        description="Where 'resegment serve-reports' is reached: artifacts link to reports there.",
    )
    reports_auth: SecretStr | None = Field(
        None, description="USER:PASSWORD that 'resegment serve-reports' asks for."
    )
    result_days: float = Field(
        14.0,
        ge=0,
        description="Results that Prefect keeps for a retry are swept so long after they were written.",
    )
    browser: str | None = Field(
        None, description="Chromium for pictures of reports, else the first one on PATH."
    )
    dask_scheduler: str | None = Field(
        None,
        pattern=r"^(tcp|tls|ucx)://[A-Za-z0-9.:\[\]_-]+$",
        description="A Dask scheduler: sums over all customers are made there.",
    )
    allow_schemas: bool = Field(
        False, description="Run Python schemas that definitions name under rows.schema."
    )
    prefect_file: Path | None = Field(
        None, description="The prefect.yaml whose entrypoints a worker runs, else the project's."
    )
    roots: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Folders and s3:// URLs, with commas: if given, sources and stores must lie below one.",
    )


class SettingsError(ValueError):
    """An unacceptable setting. The message names the variable, never its value."""


@lru_cache(maxsize=1)
def read_settings() -> Settings:
    """The settings of this process, read once. SettingsError names every invalid variable."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"RESEGMENT_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        raise SettingsError("; ".join(faults)) from None
