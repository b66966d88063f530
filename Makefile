# Everything a developer does here. Nothing is installed outside this directory:
#   .uv/ the installer   .venv/ the tools   .emulator/ the AWS emulator   node_modules/ the CDK CLI
#   .audit/ what looks up vulnerabilities, .fuzz/ the fuzzers, .bench/ the benchmark: made when they
#   are first asked for   .local/ what a local run leaves behind
# Each environment is made once, and again when its list of packages changes.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Without byte code, which some machines are told not to keep, the CDK library would be compiled
# anew on each run.
unexport PYTHONDONTWRITEBYTECODE

# Node 20 is good enough to deploy with; jsii says otherwise at length, whenever it starts.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

UV := .uv/bin/uv
PYTHON_IN_VENV := .venv/bin/python
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.13 \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
TEST_WORKERS ?= 2

# An environment whose interpreter has gone (Python upgraded, directory moved) is made anew.
$(shell for env in .venv .emulator .audit .fuzz .bench; do \
	[ -x $$env/bin/python ] || rm -f $$env/.stamp; done)

.PHONY: help
help: ## Show what there is to run
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## Make the environments, where they are missing or out of date
	@[ -e .uv/.stamp ] || local/find-python.sh >/dev/null
	@[ -e node_modules/.stamp ] || local/check-node.sh
	@$(MAKE) --no-print-directory -j3 environments

.PHONY: environments
environments: .venv/.stamp .emulator/.stamp node_modules/.stamp
	@:

.PHONY: local
local: setup ## Deploy to an AWS emulator on this machine, load the example policies, post hooks
	@$(PYTHON_IN_VENV) -m local up

.PHONY: local-stop
local-stop: ## Stop the emulator that `make local` started
	@if [ -x $(PYTHON_IN_VENV) ]; then $(PYTHON_IN_VENV) -m local down; else echo "No emulator is running from here."; fi

.PHONY: hook
hook: setup ## Post a signed hook: make hook METHOD=publishStream BODY='{"name":"private-1"}'
	@if [ -z "$${METHOD:-}" ]; then \
		echo "Name the hook: make hook METHOD=publishStream BODY='{\"name\":\"private-1\"}'" >&2; exit 1; fi
	@printf '%s' "$${BODY-{\}}" | $(PYTHON_IN_VENV) -m local post "$$METHOD" "$${FILE:--}"

.PHONY: test
test: setup lint ## Run every check and every test, end to end included
	@echo "==> Unit, property, integration and stack tests"
	@$(PYTHON_IN_VENV) -m pytest -n $(TEST_WORKERS) --dist loadfile --ignore tests/e2e
	@echo "==> End-to-end tests, on an emulator of their own"
	@$(PYTHON_IN_VENV) -m pytest tests/e2e

.PHONY: soak
soak: setup ## Let things fail under traffic, and strike the balance: make soak MINUTES=1 (30 by default)
	@$(PYTHON_IN_VENV) -m tests.soak run --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED)) \
		$(if $(RATE),--rate $(RATE)) $(if $(RESULT),--result $(RESULT))

.PHONY: fuzz
fuzz: setup .fuzz/.stamp ## Fuzz everything, a quarter of an hour: RUNS=, SEED=, TARGETS="body http"
	@PYTHONPATH=.:functions .fuzz/bin/python -m tests.fuzz \
		$(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(TARGETS)

.PHONY: fuzz-report
fuzz-report: .fuzz/.stamp ## Write the figures of the last run into docs/hostile-input.md
	@PYTHONPATH=.:functions .fuzz/bin/python -m tests.fuzz.report

.PHONY: bench
bench: setup .bench/.stamp ## Measure everything against its target; parts of it: SECTIONS="functions decisions"
	@PYTHONPATH=functions:. .bench/bin/python -m bench $(SECTIONS)

.PHONY: lint
lint: setup ## Check style, formatting and types
	@echo "==> Lint and types"
	@$(PYTHON_IN_VENV) -m ruff check .
	@$(PYTHON_IN_VENV) -m ruff format --check .
	@$(PYTHON_IN_VENV) -m mypy

.PHONY: format
format: setup ## Format the code and repair what can be repaired
	@$(PYTHON_IN_VENV) -m ruff check --fix .
	@$(PYTHON_IN_VENV) -m ruff format .

.PHONY: lock
lock: .uv/.stamp ## Pin the packages' versions anew (UPGRADE=1: the newest that are allowed)
	@$(COMPILE) local/uv-requirements.in -o local/uv-requirements.txt
	@$(COMPILE) functions/requirements.in -o functions/requirements.txt
	@$(COMPILE) requirements.in -o requirements.txt
	@$(COMPILE) local/emulator-requirements.in -o local/emulator-requirements.txt
	@$(COMPILE) local/audit-requirements.in -o local/audit-requirements.txt
	@$(COMPILE) tests/fuzz/requirements.in -o tests/fuzz/requirements.txt
	@$(COMPILE) bench/requirements.in -o bench/requirements.txt
	@$(COMPILE) bench/runtime-requirements.in -o bench/runtime-requirements.txt
	@$(COMPILE) bench/documented-requirements.in -o bench/documented-requirements.txt
	@npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --silent

.PHONY: audit
audit: setup .audit/.stamp ## Look up known vulnerabilities of the pinned packages; needs the network
	@$(PYTHON_IN_VENV) -m local.audit

.PHONY: reference
reference: setup ## Write docs/wcsctl.md from the commands, and docs/openapi.yaml from the methods
	@$(PYTHON_IN_VENV) -m wcsctl.reference
	@$(PYTHON_IN_VENV) -m local.openapi

.PHONY: reliability
reliability: setup ## Try each fault, and write docs/reliability.md from what comes of it
	@$(PYTHON_IN_VENV) -m tests.fault_matrix.reliability

.PHONY: cost
cost: setup ## Work out what a million hooks cost and which quota comes first, into docs/cost.md and docs/scale.md
	@PYTHONPATH=functions:. $(PYTHON_IN_VENV) -m tools.cost

.PHONY: clean
clean: local-stop ## Stop the emulator and remove everything that was made here
	@rm -rf .local .venv .emulator .audit .fuzz .bench .uv node_modules cdk.out* build dist
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environments ---------------------------------------------------------------------------

.uv/.stamp: local/uv-requirements.txt
	@python=$$(local/find-python.sh); \
	echo "==> Installing uv into .uv/ ($$python)"; \
	"$$python" -m pip --version >/dev/null 2>&1 || { \
		echo "$$python has no pip: install it (on Debian and Ubuntu: python3-pip)." >&2; exit 1; }; \
	rm -rf .uv; \
	"$$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
		--require-hashes --target .uv -r local/uv-requirements.txt; \
	touch $@

.venv/.stamp: requirements.txt pyproject.toml .uv/.stamp
	@python=$$(local/find-python.sh); \
	echo "==> Installing the tools into .venv/"; \
	[ -x .venv/bin/python ] || $(UV) venv --quiet --clear --python "$$python" .venv; \
	$(UV) pip sync --quiet --require-hashes --python .venv/bin/python requirements.txt; \
	$(UV) pip install --quiet --no-deps --python .venv/bin/python --editable .; \
	touch $@

.emulator/.stamp: local/emulator-requirements.txt .uv/.stamp
	@python=$$(local/find-python.sh); \
	echo "==> Installing the AWS emulator into .emulator/"; \
	[ -x .emulator/bin/python ] || $(UV) venv --quiet --clear --python "$$python" .emulator; \
	$(UV) pip sync --quiet --require-hashes --python .emulator/bin/python local/emulator-requirements.txt; \
	touch $@

.audit/.stamp: local/audit-requirements.txt .uv/.stamp
	@python=$$(local/find-python.sh); \
	echo "==> Installing what looks up vulnerabilities into .audit/"; \
	[ -x .audit/bin/python ] || $(UV) venv --quiet --clear --python "$$python" .audit; \
	$(UV) pip sync --quiet --require-hashes --python .audit/bin/python local/audit-requirements.txt; \
	touch $@

.fuzz/.stamp: tests/fuzz/requirements.txt .uv/.stamp
	@python=$$(local/find-python.sh); \
	echo "==> Installing the fuzzers into .fuzz/"; \
	[ -x .fuzz/bin/python ] || $(UV) venv --quiet --clear --python "$$python" .fuzz; \
	$(UV) pip sync --quiet --require-hashes --python .fuzz/bin/python tests/fuzz/requirements.txt; \
	touch $@

.bench/.stamp: bench/requirements.txt bench/runtime-requirements.txt .uv/.stamp
	@python=$$(local/find-python.sh); \
	echo "==> Installing the benchmark into .bench/"; \
	[ -x .bench/bin/python ] || $(UV) venv --quiet --clear --python "$$python" .bench; \
	$(UV) pip sync --quiet --require-hashes --python .bench/bin/python bench/requirements.txt; \
	rm -rf .bench/lambda; \
	"$$python" -m venv --without-pip .bench/lambda; \
	$(UV) pip sync --quiet --require-hashes --compile-bytecode --python .bench/lambda/bin/python bench/runtime-requirements.txt; \
	touch $@

node_modules/.stamp: package-lock.json
	@echo "==> Installing the CDK command line into node_modules/"; \
	npm ci --no-audit --no-fund --silent; \
	touch $@
