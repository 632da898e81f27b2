# The two commands a newcomer needs are `make up` and `make test`. Presumed are make (GNU, 3.81 or newer), a POSIX shell
# and Python 3.11, 3.12 or 3.13; everything else is installed into $(VENV) from the lock.

SHELL = /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
# Another Python for a new environment: make up PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# Arguments for pytest: make test PYTEST_ARGS="-x road_assets_tests/core"
PYTEST_ARGS ?=
UV_VERSION ?= 0.13.9

BIN := $(VENV)/bin
LOCK := docker/requirements.lock
STAMP := $(VENV)/.installed

.PHONY: help up down status clean distclean install test lint types

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

up: $(STAMP) ## Start the demonstration on this machine, bring the newest release through it, stay until Ctrl-C
	@exec $(BIN)/road up --demo

down: ## Stop the platform
	@if [ -x $(BIN)/road ]; then exec $(BIN)/road down; else echo "nothing is installed here, so nothing runs"; fi

status: ## Tell what is running, and where
	@if [ -x $(BIN)/road ]; then exec $(BIN)/road status; else echo "nothing is installed here; make up installs and starts"; fi

clean: ## Delete the state (ROAD_HOME, by default .road): tables, models, runs, downloaded releases
	@if [ -x $(BIN)/road ]; then exec $(BIN)/road clean --yes; else echo "nothing is installed here; state, if any, is in .road"; fi

distclean: clean ## Delete the state and the environment
	rm -rf $(VENV) build *.egg-info

test: $(STAMP) lint types ## Lint, check types and run all tests
	$(BIN)/python -m pytest --cov $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

install: $(STAMP) ## Make the environment, without starting anything

# Nothing here runs again until the lock or pyproject.toml is newer than the stamp.
$(STAMP): $(LOCK) pyproject.toml
	@VENV="$(VENV)" LOCK="$(LOCK)" PYTHON="$(PYTHON)" UV_VERSION="$(UV_VERSION)" /bin/sh road_assets/local/install.sh
	@touch $@
