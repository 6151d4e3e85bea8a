# Each target works on a fresh clone with Python 3.11 to 3.14 and make; `uv` makes the installation faster when it is there.
.DEFAULT_GOAL := help
.PHONY: help demo dev serve test test-long test-kill test-worlds check bench clean

# the first of these that is new enough makes .venv
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11 python
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev

ifdef UV
INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
# with pip inside, so that .venv still serves where uv is gone from PATH
MAKE_VENV = $(UV) venv --quiet --seed --allow-existing --python $$python .venv
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --prefer-binary
MAKE_VENV = $$python -m venv .venv
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## a local Nango with CRMs, synced into leads; needs no account anywhere
	$(BIN)/crm-pipeline demo

dev: $(RUNTIME) ## the Dagster UI on this machine
	DAGSTER_HOME="$(CURDIR)" $(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1

serve: $(RUNTIME) ## the API and the page on this machine; `make dev` runs their syncs
	$(BIN)/crm-pipeline serve

test: $(DEV) ## every test but the long ones
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-long: $(DEV) ## the long ones: 25,000 contacts of one moment, a sixth CRM, an installed wheel
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m long

test-kill: $(DEV) ## kill -9 at many random moments of the walk (CRM_KILLS=1000)
	CRM_KILLS="$${CRM_KILLS:-1000}" $(BIN)/python -m pytest --numprocesses 2 crm_pipeline_tests/test_kill.py

test-worlds: $(DEV) ## very many random worlds (CRM_WORLDS=10000)
	CRM_WORLDS="$${CRM_WORLDS:-10000}" $(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "" \
		crm_pipeline_tests/walk/test_properties.py crm_pipeline_tests/walk/test_preview.py crm_pipeline_tests/walk/test_rebuild.py

check: $(DEV) ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV) ## the walk's stages, timed beside a bare read loop
	$(BIN)/python -m benchmarks

clean: ## remove what was installed and what was cached; data stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist

.venv/.created:
	@for python in $(PYTHON); do \
		if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then \
			echo "Creating .venv with $$python"; \
			$(MAKE_VENV) && touch $@; \
			exit; \
		fi; \
	done; \
	echo "Python 3.11 to 3.14 is needed, and none of these is: $(PYTHON). Name one: make PYTHON=/path/to/python3.13" >&2; \
	exit 1

$(RUNTIME): pyproject.toml constraints.txt | .venv/.created
	@echo "Installing into .venv"
	$(INSTALL) --constraint constraints.txt --editable .
	@touch $@

$(DEV): pyproject.toml constraints.txt | .venv/.created
	@echo "Installing into .venv"
	$(INSTALL) --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(RUNTIME)
