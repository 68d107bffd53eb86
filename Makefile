# Needs Python 3.11 or later and nothing else. `PYTHON=/path/to/python3.12 make setup` takes another one.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MANAGE := $(BIN)/python manage.py

.DEFAULT_GOAL := help
.PHONY: help setup demo run test properties contract check check-format check-lint check-types check-contracts check-migrations format bench clean

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

setup: $(DEV_STAMP) ## make .venv with all pinned requirements, those for development too

$(STAMP): requirements.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) comes without venv: install it (Debian: apt install python3-venv), or name another Python" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing requirements.txt into $(VENV)"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.txt requirements-otel.txt
	@echo "installing requirements-dev.txt into $(VENV)"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

demo: $(STAMP) ## the fund's day, played and explained; leaves the web server running (ONCE=1: ends after the report)
	@BULWARK_ENDS_WITH_PARENT=1 exec $(MANAGE) demo $(if $(ONCE),--once)

run: $(STAMP) ## web server, task worker and scheduler on http://127.0.0.1:8000 (PORT=)
	@BULWARK_ENDS_WITH_PARENT=1 PORT=$(PORT) exec $(BIN)/python -m config.serve

test: $(DEV_STAMP) ## the whole test suite, on scratch servers of its own (ARGS= for pytest)
	@exec $(BIN)/python -m pytest -q -n $(or $(WORKERS),auto) $(ARGS)

# Whole stories take most of the time: they begin it, one by one, and the short ones fill what is left.
properties: $(DEV_STAMP) ## the property suite at length, nightly-style (EXAMPLES=10000, of whole stories a quarter)
	@EXAMPLES=$(or $(EXAMPLES),10000) exec $(BIN)/python -m pytest -q -n $(or $(WORKERS),auto) --hypothesis-profile=nightly \
	  --maxschedchunk=1 $$(for each in 'tests/properties' 'tests --exclude-dir=properties'; do \
	    grep -rlE '@given|RuleBasedStateMachine' --include='test_*.py' $$each | sort; done) $(ARGS)

contract: $(DEV_STAMP) ## the API against its own schema at length, with every role's key, and long lists (EXAMPLES=100)
	@WALK_ROWS=100000 CONTRACT_EXAMPLES=$(or $(EXAMPLES),100) exec $(BIN)/python -m pytest -q -n 0 \
	  tests/rest/test_schemathesis.py tests/rest/test_walks.py $(ARGS)

check: check-format check-lint check-types check-contracts check-migrations ## format, lint, types, import contracts, migrations in step

check-format: $(DEV_STAMP)
	$(BIN)/ruff format --check --quiet .

check-lint: $(DEV_STAMP)
	$(BIN)/ruff check .

check-types: $(DEV_STAMP)
	$(BIN)/mypy .

check-contracts: $(DEV_STAMP)
	$(BIN)/lint-imports

check-migrations: $(DEV_STAMP)
	$(MANAGE) makemigrations --check --dry-run

format: $(DEV_STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## measure against PostgreSQL's own speed (QUICK=1: within two minutes)
	@exec $(BIN)/python -m benchmarks $(if $(QUICK),--quick)

clean: ## remove .venv, the private servers' books and every cache
	rm -rf $(VENV) .bulwark .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
