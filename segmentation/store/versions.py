"""The versions that made an edition: this project's, and those of the libraries that its bytes depend on.

Whether they are here again is segmentation/rebuilding.py's to ask.
"""

from importlib.metadata import version

from segmentation.store.layout import VERSION

LIBRARIES = ("numpy", "pandas", "pyarrow", "duckdb", "scikit-learn", "plotly", "pandera")


def list_versions() -> dict[str, str]:
    """Version by package."""
    return {"resegment": VERSION, **{name: version(name) for name in LIBRARIES}}
