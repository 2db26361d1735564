# On a new machine: Python 3.11 or newer and make. Every target builds .venv first, from the hash-pinned lock.
.DEFAULT_GOAL := help
.PHONY: help run demo test check format bench test-faults lint-api audit lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ROOMS := $(wildcard schemas streams sinks api infra perf tests)
# The first of these that is new enough and can make a virtual environment.
FIND_PYTHON = for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done
PYTHON ?= $(shell $(FIND_PYTHON))

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: $(STAMP) ## Everything in the foreground, to work with; Ctrl-C ends it
	@$(BIN)/spendlog run

demo: $(STAMP) ## Everything on real Kafka, PostgreSQL and Valkey; EXIT=1 ends by itself
	@$(BIN)/spendlog demo $(if $(EXIT),--exit)

test: check ## All checks, then the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(STAMP) ## Format, lint, types, room boundaries
	$(BIN)/ruff format --check $(ROOMS)
	$(BIN)/ruff check $(ROOMS)
	$(BIN)/mypy $(ROOMS)
	$(BIN)/lint-imports

format: $(STAMP) ## Format and fix what can be fixed
	$(BIN)/ruff format $(ROOMS)
	$(BIN)/ruff check --fix $(ROOMS)

bench: $(STAMP) ## The figures on this machine
	$(BIN)/spendlog bench

test-faults: $(STAMP) ## Tests that kill and stop services and workers
	$(BIN)/python -m pytest -m faults

lint-api: $(STAMP) ## The API's description by redocly's strict rules; needs Node with npm
	@$(BIN)/python -m infra.openapi_lint

audit: $(STAMP) ## Libraries that are behind the time frame of SECURITY.md; DAYS=7 for another
	@$(BIN)/python -m pip install --quiet uv==0.13.9
	@$(BIN)/python -m infra.lock_age $(if $(DAYS),--days $(DAYS))

lock: $(STAMP) ## Resolve requirements.lock anew, for every Python and system
	$(BIN)/python -m pip install --quiet uv==0.13.9
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command "make lock" --extra dev pyproject.toml -o requirements.lock

clean: ## Delete .venv, caches and the data folder of the embedded stack
	@test ! -x $(BIN)/spendlog || $(BIN)/spendlog stack down
	rm -rf $(VENV) .spendlog .spendlog-demo .spendlog-story .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer with its venv module is needed (Debian: python3-venv)"; exit 1; }
	@test -x $(BIN)/python || { echo "building $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
