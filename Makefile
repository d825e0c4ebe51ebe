# Two commands are all a person needs: `make demo` and `make test`. Both set up what they need, on a machine with nothing
# but Python 3.11 (or newer), pip and, for the browser tests, apt. Everything lands in .venv and console/node_modules.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup console compiled run demo test installed alone units together browser check lint beside format bench docs schemas clean

UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
ARGS ?=
PYTEST_ARGS ?=
# Five on two processors took no less in all (127 ms a test, 126 with three), and the browser tests beside them 12:40
# instead of 7:31.
TEST_WORKERS ?= 3
BY_FILE := --dist loadfile --no-loadscope-reorder
# A real model answers in these, on every core there is: among other tests they took five times as long, and those with
# them. They come first, with nothing beside them.
ALONE := tests/cli/test_demo.py tests/llm/test_local_server.py
CALLS ?= 500000
COMPILED_TESTS ?= tests/gateway tests/ledger tests/llm tests/telemetry/test_segments.py tests/telemetry/test_spool.py tests/telemetry/test_inflight.py
# Targets that CI adds to the last part of the check.
CHECK_ALSO ?=
SOURCES := src tests bench scripts hatch_build.py

# Bytecode is kept, also where the environment forbids it: without it each test worker spends half a minute of a
# processor on compiling the tests, and every process that they start compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE

# uv may neither bring a Python of its own nor look for another environment than ours.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
UV := $(BIN)/uv

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMPS)/venv:
	@python="$$(scripts/find_python.sh)"
	echo "Making $(VENV) with $$python ..." >&2
	"$$python" -m venv $(VENV) >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)" >&2
	mkdir -p $(STAMPS) && touch $@

# --compile-bytecode: the first start must be as quick as every other. A checkout is never compiled otherwise.
$(STAMPS)/packages: $(STAMPS)/venv pyproject.toml uv.lock
	@echo "Installing the locked packages ..." >&2
	TRIMTAB_COMPILE=0 $(UV) sync --frozen --all-extras --no-extra pii --group smollm2 --compile-bytecode --quiet >&2
	touch $@

setup: $(STAMPS)/packages console ## Make .venv, install everything, build the console
	@$(BIN)/python -m compileall -q src >&2

console: $(STAMPS)/packages ## Build the console (needs no Node on the machine)
	@$(BIN)/python scripts/console.py build

# A wheel with the path of a call compiled (docs/decisions/0019), in dist/compiled. A target of its own: a build takes a
# processor three minutes, and `make test` tests the same sources.
compiled: setup ## Build a compiled wheel (needs a C compiler), and test it
	@scripts/compiler.sh
	python="$$($(BIN)/python scripts/compiled.py)"
	"$$python" -m trimtab.cli.main --version | grep -F '(compiled)'
	exec "$$python" -m pytest -n 2 $(BY_FILE) $(COMPILED_TESTS)

run: setup ## Start a server: make run ARGS="--port 8080"
	@exec $(BIN)/trimtab up $(ARGS)

demo: setup ## See it at work: a local model, 40 questions, a rollback, the console
	@exec $(BIN)/trimtab demo $(ARGS)

test: setup ## Run every test, browser tests included
ifdef PYTEST_ARGS
	@$(if $(findstring not browser,$(PYTEST_ARGS)),,scripts/chromium.sh)
	$(BIN)/python scripts/install_clients.py
	exec $(BIN)/pytest $(PYTEST_ARGS)
else
	@$(MAKE) --no-print-directory installed
	$(MAKE) --no-print-directory alone
	$(MAKE) --no-print-directory --jobs 3 units together browser
endif

installed: setup
	@scripts/chromium.sh
	$(BIN)/python scripts/install_clients.py

alone: setup
	@$(BIN)/pytest -n 0 $(ALONE)

units: setup
	@$(BIN)/python scripts/console.py run test

together: setup
	@$(BIN)/pytest -n $(TEST_WORKERS) $(BY_FILE) --ignore tests/browser $(addprefix --ignore ,$(ALONE))

browser: setup
	@TRIMTAB_TEST_SCREENSHOTS=none $(BIN)/pytest -n 2 $(BY_FILE) tests/browser

# What has to be fetched, and the compilation of the tests, which every worker would do for itself, are done beside the
# checks that take seconds. Types take one processor for more than a minute, tests of flows and of the console wait for
# servers and pages: they run beside each other.
check: setup ## Lint, types, import directions, audit, schema drift, then every test
	@$(MAKE) --no-print-directory --jobs 2 lint $(STAMPS)/tests installed
	$(MAKE) --no-print-directory alone
	$(MAKE) --no-print-directory --jobs 3 units beside together browser $(CHECK_ALSO)

lint: setup
	@$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python -m trimtab.server.openapi | diff -u schemas/openapi.json - || { echo "schemas/openapi.json is out of date: make schemas" >&2; exit 1; }

$(STAMPS)/tests: $(STAMPS)/packages $(shell find tests -name '*.py')
	@told="$$($(BIN)/pytest --collect-only -qq 2>&1)" || { echo "$$told" >&2; exit 1; }
	touch $@

beside: setup
	@$(BIN)/basedpyright
	$(BIN)/python scripts/audit.py
	$(BIN)/python scripts/console.py run check

format: $(STAMPS)/packages ## Put the code in shape
	@$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	$(BIN)/ruff format $(SOURCES)

schemas: $(STAMPS)/packages ## Write the files of schemas, the SQL of new catalogs and stores, and the console's types anew
	@$(BIN)/python -m trimtab.server.openapi > schemas/openapi.json.new
	mv schemas/openapi.json.new schemas/openapi.json
	$(BIN)/python -m trimtab.server.folder.schema schemas
	$(BIN)/python scripts/catalog_sql.py
	$(BIN)/python scripts/store_sql.py
	$(BIN)/python scripts/console.py run types

docs: $(STAMPS)/packages ## Write the generated pages of docs anew
	@mkdir -p docs/reference
	$(BIN)/python -m trimtab.server.settings > docs/reference/settings.md
	$(BIN)/python -m trimtab.cli.reference > docs/reference/cli.md
	$(BIN)/python -m trimtab.llm.providers > docs/providers.md
	$(BIN)/python -m trimtab.scoring.reference > docs/reference/scorers.md

bench: setup ## Measure (minutes); results and method: docs/benchmarks.md
	@$(BIN)/python -m bench.gateway.run $(ARGS)
	folder="$$(mktemp -d)"
	trap 'rm -rf "$$folder"' EXIT
	$(BIN)/python bench/telemetry/ingest.py --calls $(CALLS) --data-dir "$$folder"
	$(BIN)/python bench/telemetry/queries.py --data-dir "$$folder"
	$(BIN)/python bench/telemetry/spool.py

clean: ## Remove what set-up and builds made
	@rm -rf $(VENV) console/node_modules src/trimtab/server/static dist
