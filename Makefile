# The two commands: `make run` and `make test`. Each first installs what it needs, inside this folder: uv into
# .tools/ if it is missing, and the packages into .venv/.
.PHONY: run test bench bench-guard prove docs setup deploy up down clean
.DEFAULT_GOAL := run

UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PYTHON ?= $(shell command -v python3.11 2>/dev/null || echo python3)
AS_OF ?= 2026-01-31
RUN := $(UV) run --frozen --no-sync
PYTEST_WORKERS ?= 2
# Tests that kill, deploy, or draw whole months take minutes: `make test TESTS=all`, as CI does.
TESTS ?= quick

run: setup
	$(RUN) resegment run article --as-of $(AS_OF) --store store

test: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) pytest -n $(PYTEST_WORKERS) --dist loadfile $(if $(filter all,$(TESTS)),,-m 'not slow and not release')

bench: setup
	$(UV) sync --frozen --all-extras --group bench --compile-bytecode --quiet
	$(RUN) python -m bench.all

# Fails if a steady night costs far more than it should, next to scikit-learn and DuckDB: bench/guard.py.
bench-guard: setup
	$(RUN) python -m bench.guard

# Faults at every call that changes a store, then replays and crowds; long: docs/guarantees.md. strace must be here.
# Each prints its table, also when the one before found something; ends with 1 if any did.
PROVE_DIR ?= $(shell mktemp -d)
prove: setup
	@folder='$(PROVE_DIR)'; status=0; \
	$(RUN) python -m tests.fault_grid "$$folder/grid" || status=1; \
	$(RUN) python -m tests.long_replays "$$folder/replays" || status=1; \
	exit $$status

# The documentation as a static site. A dead link or a page that is on no shelf fails the build.
docs: $(if $(filter .tools/bin/uv,$(UV)),.tools/bin/uv)
	$(UV) run --frozen --isolated --only-group docs sphinx-build --fail-on-warning --keep-going --fresh-env --quiet docs site

# Work pool, automations and deployments, on the server at PREFECT_API_URL. Running it again changes nothing.
deploy: setup
	$(RUN) python -m deployments.setup
	$(RUN) prefect --no-prompt deploy --all --prefect-file deployments/prefect.yaml

# The stack on this machine: PostgreSQL, Prefect's server, deployments, a worker and the reports' server.
up: setup
	$(RUN) python -m deployments.stack up

down: setup
	$(RUN) python -m deployments.stack down

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock $(if $(filter .tools/bin/uv,$(UV)),.tools/bin/uv)
	$(UV) sync --frozen --all-extras --compile-bytecode --quiet
	touch $@

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet 'uv>=0.9,<1'

clean:
	rm -rf .venv .tools store site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
