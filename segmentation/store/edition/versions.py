"""The versions that made an edition: this project's, those of libraries that affect bytes, and the rest.

The project's own sources are in source_digest.py. What an edition of other code means is in
catalogue/other_code.py.
"""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from segmentation.store.layout import VERSION

# What computes, parses or renders: another version may give other bytes, so it is in an edition's name.
# Libraries that only fetch rows are not: the rows are in the name by their digest (decision 29).
LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "duckdb",
    "scikit-learn",
    "scipy",
    "plotly",
    "jinja2",
    "pandera",
)


@cache
def list_libraries() -> dict[str, str]:
    """Version by library that affects bytes."""
    return {name: version(name) for name in LIBRARIES}


def list_versions() -> dict[str, str]:
    """Version by package: this project's and those of its libraries."""
    return {"resegment": VERSION, **list_libraries()}


@cache
def list_environment() -> dict[str, str]:
    """What is recorded without being part of the name: an upgrade of it must not rename an edition."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("prefect", "pydantic", "threadpoolctl")},
    }


def list_version_changes(versions: dict[str, str]) -> list[str]:
    """Packages installed in another version than the one that made the edition, in words."""
    changes = []
    for package, original in versions.items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            installed = "none"
        if installed != original:
            changes.append(f"{package} {original} made it, {installed} is installed")
    return changes


def list_environment_changes(environment: dict[str, str]) -> list[str]:
    """What of the environment that made an edition differs from this one, in words."""
    installed = list_environment()
    return [
        f"{name} {original} made it, this is {installed.get(name, 'unknown')}"
        for name, original in environment.items()
        if installed.get(name) != original
    ]
