# The two commands a newcomer needs are `make up` and `make test`. Presumed are make (GNU, 3.81 or newer), a POSIX shell
# and Python 3.11, 3.12 or 3.13; everything else is installed into $(VENV) from the lock.

SHELL = /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
# Another Python for a new environment: make up PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# Arguments for pytest: make test PYTEST_ARGS="-x road_assets_tests/core"
PYTEST_ARGS ?=
# Processes of tests, each with servers of its own; a file's tests stay together, since they share what they made.
PYTEST_WORKERS ?= auto
# For make backup and make restore
TO ?=
FROM ?=
# Arguments for the suite of faults: make faults FAULTS_ARGS="--kills 50 --seed 7"
FAULTS_ARGS ?=
# Arguments for the benchmarks: make bench BENCH_ARGS="--parts service drift"
BENCH_ARGS ?=
UV_VERSION ?= 0.13.9

BIN := $(VENV)/bin
LOCK := docker/requirements.lock
STAMP := $(VENV)/.installed
COMPILE := $(BIN)/python -m uv pip compile --quiet --universal --no-strip-extras --no-annotate --no-header --generate-hashes --python-version 3.11

.PHONY: help up down status backup restore clean distclean install test faults bench docs lint types lock

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

up: $(STAMP) ## Start the demonstration on this machine, bring the newest release through it, stay until Ctrl-C
	@exec $(BIN)/road up --demo

down: ## Stop the platform
	@if [ -x $(BIN)/road ]; then exec $(BIN)/road down; else echo "nothing is installed here, so nothing runs"; fi

status: ## Tell what is running, and where
	@if [ -x $(BIN)/road ]; then exec $(BIN)/road status; else echo "nothing is installed here; make up installs and starts"; fi

backup: ## Write all state to one file: make backup TO=file-or-directory
	@if [ -z "$(TO)" ]; then echo "say where to: make backup TO=file-or-directory" >&2; exit 1; fi; exec $(BIN)/road backup "$(TO)"

restore: ## Bring that state back into a stopped platform: make restore FROM=file
	@if [ -z "$(FROM)" ]; then echo "say what from: make restore FROM=file" >&2; exit 1; fi; exec $(BIN)/road restore "$(FROM)"

clean: ## Delete the state (ROAD_HOME, by default .road): tables, models, runs, downloaded releases
	@if [ -x $(BIN)/road ]; then exec $(BIN)/road clean --yes; else echo "nothing is installed here; state, if any, is in .road"; fi

distclean: clean ## Delete the state and the environment
	rm -rf $(VENV) build *.egg-info

test: $(STAMP) lint types ## Lint, check types and run all tests
	$(BIN)/python -m pytest --cov --numprocesses $(PYTEST_WORKERS) --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

faults: $(STAMP) ## Kill parts of a platform of its own at random, fill its disk, check that nothing was lost (20 minutes)
	$(BIN)/python -m road_assets_tests.faults $(FAULTS_ARGS)

bench: $(STAMP) ## Measure everything beside its baselines, print one table (needs ROAD_RELEASES_DIR; an hour)
	$(BIN)/python -m road_assets_tests.benchmarks.side_by_side $(BENCH_ARGS)

docs: $(STAMP) ## Write road_assets/docs/architecture.md anew from the code
	$(BIN)/python -m road_assets.docs

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/deptry road_assets road_api

types: $(STAMP)
	$(BIN)/mypy

install: $(STAMP) ## Make the environment, without starting anything

# The lock of everything, and of what each image takes of it: the same versions, no host. After changes of dependencies.
lock: $(STAMP) ## Write the locks again from pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(COMPILE) pyproject.toml --group dev -o $(LOCK)
	$(COMPILE) pyproject.toml --extra s3 --extra kubernetes -c $(LOCK) -o docker/pipeline.lock
	$(COMPILE) --group pyproject.toml:service -c $(LOCK) -o docker/service.lock

# Nothing here runs again until the lock or pyproject.toml is newer than the stamp.
$(STAMP): $(LOCK) pyproject.toml
	@VENV="$(VENV)" LOCK="$(LOCK)" PYTHON="$(PYTHON)" UV_VERSION="$(UV_VERSION)" /bin/sh road_assets/local/install.sh
	@touch $@
