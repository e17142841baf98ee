"""The Python schema that `rows.schema` names: finding its source, and running it where settings allow code.

The source is read once, when a run opens, and kept in the edition: later stages, retries and rebuilds run
that text and not a file that may have changed. What of a schema can judge rows is decided in
schemas/schema_review.py.
"""

import copy
import hashlib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType

import pandera.pandas as pa
from pandera.errors import SchemaInitError

from config.columns import Rows
from config.settings import read_settings
from schemas.schema_review import ReviewedSchema, SchemaFault, review_schema
from segmentation.errors import Refused

# The name of the source in an edition's folder.
SCHEMA_FILE = "schema.py"
_LARGEST_SOURCE = 1 << 20


def hash_source(source: str) -> str:
    """The digest of a schema's source, which is part of the edition's name."""
    return hashlib.sha256(source.encode()).hexdigest()


def read_source_of(rows: Rows) -> str | None:
    """The source of the schema that the rows of a definition name, if they name one."""
    name = rows.python_schema
    return None if name is None else read_schema_source(name, read_settings().definitions)


def read_schema_source(name: str, folder: Path) -> str:
    """The text of the module that `module:Name` names: a file in `folder`, else an installed module.

    Refused if it is missing, or if the settings allow no code.
    """
    _check_allowed(name)
    module = name.partition(":")[0]
    path = source_path(folder, module)
    if not path.is_file():
        path = _locate_installed(name, module, folder)
    try:
        if path.stat().st_size > _LARGEST_SOURCE:
            raise Refused("schema", f"rows.schema {name}: {path.name} is larger than 1 MiB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
    raise Refused("schema", f"rows.schema {name}: {path.name} cannot be read: {kind}")


def source_path(folder: Path, module: str) -> Path:
    """Where a module is looked for in a folder of definitions."""
    return folder.joinpath(*module.split(".")).with_suffix(".py")


def _check_allowed(name: str) -> None:
    if not read_settings().allow_schemas:
        raise Refused(
            "schema",
            f"rows.schema {name} is Python code, which this machine does not run; set "
            "RESEGMENT_ALLOW_SCHEMAS=1 if everyone who can write definitions may run code here",
        )


def _locate_installed(name: str, module: str, folder: Path) -> Path:
    fault = f"no {'/'.join(module.split('.'))}.py in {folder}, and no installed module of that name"
    try:
        spec = importlib.util.find_spec(module)
    except (Exception, SystemExit) as error:
        # The packages above a module are imported to find it.
        spec, fault = None, f"{fault}: {type(error).__name__}"
    if spec is None:
        raise Refused("schema", f"rows.schema {name}: {fault}")
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise Refused("schema", f"rows.schema {name}: {module} is not a Python file")
    return Path(spec.origin)


@lru_cache(maxsize=8)
def load_schema(name: str, source: str) -> pa.DataFrameSchema:
    """Run a schema's source and take the schema out of it. Refused with the kind and line of a failure."""
    _check_allowed(name)
    module_name, _, attribute = name.partition(":")
    fault = ""
    try:
        module = _run_source(module_name, source)
        schema = getattr(module, attribute, None)
        if isinstance(schema, type) and issubclass(schema, pa.DataFrameModel):
            schema = _to_schema(schema)
        if isinstance(schema, pa.DataFrameSchema):
            return schema
        fault = f"has no {attribute}" if schema is None else f"{attribute} is a {type(schema).__name__}"
        fault += "; expected a DataFrameModel or DataFrameSchema of pandera.pandas"
    except SyntaxError as error:
        fault = f"line {error.lineno}: {error.msg}"
    except (ImportError, SchemaInitError) as error:
        fault = f"{_describe_line(error.__traceback__, module_name)}{' '.join(str(error).split())}"
    except (Exception, SystemExit) as error:
        # Without the message: a module may have read data when it was imported.
        fault = f"{_describe_line(error.__traceback__, module_name)}{type(error).__name__}"
    # Outside the handlers: a chain of exceptions would show their messages.
    raise Refused("schema", f"rows.schema {name}: {fault}")


def _to_schema(model: type[pa.DataFrameModel]) -> pa.DataFrameSchema:
    # A copy: pandera keeps the schema of a model, and leaves the model's metadata out of it.
    schema = copy.copy(model.to_schema())
    schema.metadata = getattr(model.Config, "metadata", None)
    return schema


def _run_source(module_name: str, source: str) -> ModuleType:
    module = ModuleType(f"rows_schema_{hash_source(source)[:16]}")
    # For relative imports of an installed package.
    module.__package__ = module_name.rpartition(".")[0]
    # Where pandera looks up annotations that are text.
    sys.modules[module.__name__] = module
    code = compile(source, _name_code(module_name), "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - only where the settings allow code
    return module


def _name_code(module_name: str) -> str:
    return f"<rows.schema {module_name}>"


def _describe_line(traceback: TracebackType | None, module_name: str) -> str:
    """`line 3: `, the last line of the schema's own source that ran."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _name_code(module_name):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return "" if line is None else f"line {line}: "


def make_reviewed_schema(rows: Rows, source: str | None) -> ReviewedSchema | None:
    """The schema of rows.schema, taken apart for rows with the contract's columns. None without one."""
    if rows.python_schema is None:
        return None
    if source is None:
        raise Refused("schema", f"rows.schema {rows.python_schema}: its source was not read")
    schema = load_schema(rows.python_schema, source)
    kinds = {name: column.type for name, column in rows.columns.items()}
    if rows.id is not None:
        kinds = {rows.id: "text", **{name: kind for name, kind in kinds.items() if name != rows.id}}
    fault = ""
    try:
        return review_schema(schema, list(kinds), kinds)
    except SchemaFault as error:
        fault = str(error)
    raise Refused("schema", f"rows.schema {rows.python_schema}: {fault}")
