"""The versions that made an edition: of this project, and of the libraries that its bytes depend on.

Comparing them with the installed ones is in segmentation/rebuilding.py.
"""

from importlib.metadata import version

from segmentation.store.layout import VERSION

LIBRARIES = ("numpy", "pandas", "pyarrow", "duckdb", "scikit-learn", "plotly", "pandera")


def list_versions() -> dict[str, str]:
    """Version by package."""
    return {"resegment": VERSION, **{name: version(name) for name in LIBRARIES}}
