"""A night in a process that never imports Prefect: `python -m bench.without_prefect bare JOB ANSWER`.

What it takes, next to the flow, is what Prefect costs.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from unittest.mock import MagicMock

from bench.sides import answer, run_bare


class StandIn(MetaPathFinder, Loader):
    """Imports a mock instead of any module of Prefect."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for Prefect's modules only."""
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] == "prefect" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module whose every name is a mock; outside a flow run, as no context is active."""
        module = MagicMock(__path__=[], __spec__=spec)
        module.FlowRunContext.get.return_value = None
        module.TaskRunContext.get.return_value = None
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The mock is complete."""


if __name__ == "__main__":
    sys.meta_path.insert(0, StandIn())
    answer({"bare": run_bare}, sys.argv[1:])
