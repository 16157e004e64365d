# The two commands are `make preview` and `make test`; `make help` lists the rest.
STACK ?= dev
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SOURCES := infra components tests

.DEFAULT_GOAL := help
.PHONY: help preview validate test test-rest test-all unit lint types check tools bench schema lock clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked dependencies (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock requirements-data.lock
	@echo "installing what the tests need (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-data.lock
	@touch $@

preview: .venv/ready ## Preview a stack on this machine, without an AWS account: make preview STACK=prod
	@$(BIN)/sglang-hyperpod preview --stack $(STACK)

validate: .venv/ready ## Check a stack's settings
	@$(BIN)/sglang-hyperpod validate --stack $(STACK)

test: .venv/ready-dev ## Run the tests; the engine and cluster tiers join in once `make tools` has built what they need
	@$(BIN)/python -m tests

test-rest: .venv/ready-dev ## Run the exhaustive tests, which `make test` leaves out
	@$(BIN)/python -m tests --rest

test-all: test test-rest ## Run every test there is

unit: .venv/ready-dev ## Run the unit tests alone
	@$(BIN)/python -m pytest tests/unit -n 2 --dist loadfile

lint: .venv/ready-dev ## Ruff, zero findings
	@$(BIN)/ruff check $(SOURCES) && $(BIN)/ruff format --check $(SOURCES)

types: .venv/ready-dev ## Type check, zero findings
	@$(BIN)/ty check --python .venv

check: lint types schema ## Everything that needs no test run

schema: .venv/ready ## The committed JSON schema of the settings is current
	@$(BIN)/sglang-hyperpod schema --check

tools: .venv/ready-dev ## Build the programs that only tests need (Go, about 20 minutes the first time)
	@$(BIN)/python -m tests.tools build

bench: .venv/ready-dev ## Print the figures of speed and memory
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench.engine
	@$(BIN)/python -m tests.bench.cluster

lock: ## Renew the lock files after a change of dependencies
	$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install --quiet pip-tools==7.6.2 "pip<26"
	.venv/lock/bin/pip-compile $(LOCK) --output-file requirements.lock pyproject.toml
	.venv/lock/bin/pip-compile $(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	sed -nE 's/^([A-Za-z0-9._-]+==[^ ]+) .*/\1/p' requirements.lock > constraints.txt

LOCK := --quiet --generate-hashes --all-build-deps --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate --no-header

clean: ## Remove what was made here
	rm -rf .venv build *.egg-info
