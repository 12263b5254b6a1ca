# What the portal's everyday commands do; `make` alone lists them.
PYTHON ?= python3
PORT ?= 8000
# One more than there are cores: there is always a test that waits for a server, a browser or a lock.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SAY := printf '\033[1m==> %s\033[0m\n'

.DEFAULT_GOAL := help
.PHONY: help run test quick race chaos lint bench screenshots pins

help: ## list what can be done here
	@echo "make TARGET, where TARGET is one of"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-11s %s\n", $$1, $$2}'
	@echo "PYTHON=python3.12 chooses the Python (3.11 or later), PORT=8001 the port, JOBS=4 how many tests run side by side."

run: $(VENV)/.runtime ## serve the portal with its demo company on http://localhost:8000
	@$(SAY) "Bringing the database up to date"
	@$(BIN)/portal db upgrade
	@$(SAY) "Loading the demo company, if there is nothing yet"
	@$(BIN)/portal seed
	@$(SAY) "Serving; Ctrl-C stops"
	@$(BIN)/portal serve --port $(PORT)

test: $(VENV)/.dev ## run every test on SQLite and PostgreSQL, and in Chromium where there is one
	@$(SAY) "Testing on both databases ($(JOBS) side by side); a real PostgreSQL is started for it"
	@$(PYTEST) --durations=25 $(ARGS)

quick: JOBS = auto
quick: $(VENV)/.dev ## run what can be run all day: on SQLite, without a browser, what is slow, and most parameters of a test
	@$(SAY) "Testing on SQLite ($(JOBS) side by side), without what is slow, a few parameters of each test; make test runs everything"
	@$(PYTEST) --quick $(ARGS)

# Whoever is done takes tests from who has many left. Code is compiled once, not by each process that a test starts.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

race: $(VENV)/.dev ## let every two acts that can meet do so, on PostgreSQL: ARGS="--rounds 10 archive"
	@$(SAY) "Racing: every pair of acts, held and in crowds of eight"
	@$(BIN)/python -m tests.race $(ARGS)

chaos: $(VENV)/.dev ## kill workers, a run and the database (PostgreSQL) at random, a hundred times: ARGS="--kills 300"
	@$(SAY) "Killing workers, a foreground run and the database while runs and imports go on"
	@$(BIN)/python -m tests.chaos $(ARGS)

lint: $(VENV)/.dev ## check style (ruff) and types (mypy)
	@$(SAY) "ruff: style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(SAY) "mypy: types"
	@$(BIN)/mypy

bench: $(VENV)/.dev ## measure, and compare with benchmarks/RESULTS.md: ARGS="runs pages --assignments 1000000"
	@$(SAY) "Measuring; let the machine do nothing else"
	@$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.dev ## take a picture of every page in every form into screenshots/, and say which changed: ARGS="overview customers"
	@$(SAY) "Taking pictures of every page: wide, half a desk, phone, dark, printed, refused, empty"
	@$(BIN)/python -m tests.screenshots $(ARGS)

pins: ## compile the pinned requirements again (needs uv)
	@$(SAY) "Pinning every dependency with its hashes, for every Python from 3.11 and every platform"
	uv pip compile $(PINS) --group build -o requirements-build.txt
	uv pip compile $(PINS) pyproject.toml -o requirements.txt
	uv pip compile $(PINS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
PINS = --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make pins"

$(VENV)/.made:
	@$(SAY) "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The portal needs Python 3.11 or later: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "This Python cannot make a virtual environment (Debian: apt install python3-venv)."; exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements-build.txt requirements.txt pyproject.toml
	@$(SAY) "Installing what the portal needs (once; a minute)"
	@$(PIP) install --require-hashes -r requirements-build.txt
	@$(PIP) install --require-hashes --no-build-isolation -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@$(SAY) "Installing what the tests need (once; a minute)"
	@$(PIP) install --require-hashes --no-build-isolation -r requirements-dev.txt
	@touch $@
