# Two commands to start: `make up` gives a living world, `make test` proves it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
WORKERS ?= 3
ARGS ?=
SERVICE ?=
ATTACH ?=

# A world is many Python processes: none is to compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml devnet/pyproject.toml clients/python/pyproject.toml))
DEVNET := $(BIN)/python -m octant_devnet
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: help install up down next-epoch logs status reset test test-slow mutation lint format bench lock documents clients parity contracts redis chromium clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo
	@echo 'Variables: PYTHON=python3.12 (for install), EPOCH_DURATION=600 DECISION_WINDOW=300 SNAPSHOTS=manual'
	@echo 'ATTACH=world.json (all for up; ATTACH: on the chain and contracts that are there), SERVICE=epochs'
	@echo '(for logs), ARGS="-k name" WORKERS=4 (for test and test-slow)'

install: .venv/.installed devnet/node_modules/.installed tests/realtime/node_modules/.installed ## install what is needed into this folder

up: install ## start a whole Octant on this machine, or go on where `down` stopped
	@$(DEVNET) up $(if $(ATTACH),--attach "$(ATTACH)")

down: ## stop everything; data stay
	@if [ -x $(BIN)/python ]; then $(DEVNET) down; fi

next-epoch: install ## let people allocate, close the window, travel to the next epoch
	@$(DEVNET) next-epoch

logs: install ## follow all logs, or those of SERVICE
	@$(DEVNET) logs $(SERVICE)

status: install ## what runs, and what is not ready
	@$(DEVNET) status

reset: install ## stop, and remove all data of the world
	@$(DEVNET) reset

test: install clients redis chromium lint ## lint, and every test that is not slow
	@$(PYTEST) -m "not slow" $(if $(ARGS),$(ARGS),--parity docs/parity.md)

test-slow: install clients redis chromium ## the tests that take minutes
	@$(PYTEST) -m slow --timeout 1800 $(ARGS) || [ $$? -eq 5 ] # 5: there are none

parity: ## docs/parity.md from what the last whole run proved
	@cp var/parity.md docs/parity.md

mutation: install ## break the protocol's rules, count what its tests notice (20 minutes); ARGS="octant_protocol.merkle.*"
	@nice -n 19 $(BIN)/python libs/protocol/mutation.py $(ARGS)

lint: install clients ## style, types, import rules, contract artefacts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy $(wildcard $(MEMBERS:%=%/src))
	@$(BIN)/lint-imports
	@if command -v node >/dev/null; then node devnet/build.mjs --check; fi

format: install ## format the code, fix what can be fixed
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: install ## measure: floor, ours, ratio
	@for metric in signature_check call_hop allocation_post allocation_curve epoch_scale socket_connections cached_reads feed_fanout feed_latency make_up; do $(BIN)/python "bench/$$metric.py"; done

lock: install ## resolve the dependencies anew into requirements.lock
	@$(BIN)/uv lock
	@$(BIN)/uv export --format requirements-txt --all-packages --no-emit-workspace --no-header --no-annotate -o requirements.lock >/dev/null

documents: install ## generate docs/asyncapi.json, docs/events.md, docs/openapi.json and docs/feed-api.json
	@$(BIN)/python -m octant_contracts.documents docs
	@$(BIN)/python -m octant_gateway.documents docs

clients: clients/typescript/dist/.built clients/python/src/octant_client/rest/.generated ## generate the clients from docs/openapi.json

contracts: install ## compile the Solidity contracts into devnet/artifacts
	@node devnet/build.mjs

redis: # what the tests of the optional Redis manager start
	@command -v redis-server >/dev/null || \
		{ echo 'installing redis-server'; apt-get update -qq && apt-get install -y -qq redis-server >/dev/null; } || \
		{ echo 'redis-server is needed for the tests: apt install redis-server' >&2; exit 1; }

chromium: # what the tests of the page at /status open it with
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ echo 'installing chromium'; apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
		{ echo 'chromium is needed for the tests: apt install chromium' >&2; exit 1; }

clean: down ## stop, and remove everything installed, cached and stored
	rm -rf var .venv devnet/node_modules tests/realtime/node_modules clients/typescript/{node_modules,dist,src/generated} clients/python/src/octant_client/rest .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.installed: requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo 'Python cannot make environments here: apt install python3-venv' >&2; exit 1; }
	@echo 'installing Python packages into .venv'
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		"$$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		$(MEMBERS:%=-e ./%)
	@touch $@

%/node_modules/.installed: %/package.json %/package-lock.json
	@command -v npm >/dev/null || { echo 'Node and npm are needed: apt install nodejs npm' >&2; exit 1; }
	@echo 'installing into $*/node_modules'
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

clients/typescript/dist/.built: docs/openapi.json clients/typescript/node_modules/.installed clients/typescript/tsconfig.json $(wildcard clients/typescript/src/*.ts)
	@cd clients/typescript && npm run --silent build >/dev/null
	@touch $@

clients/python/src/octant_client/rest/.generated: docs/openapi.json clients/python/generator.yaml .venv/.installed
	@rm -rf $(@D)
	@$(BIN)/openapi-python-client generate --path $< --config clients/python/generator.yaml \
		--meta none --output-path $(@D) --fail-on-warning >/dev/null
	@touch $@
