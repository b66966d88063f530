# What people do here. Everything is installed inside this directory: .uv/ the installer (unless uv
# is there already), .venv/ the tools, .emulator/ the AWS emulator, .lambda/ Lambda's runtime client
# (for `make bench`), .docs/ MkDocs (for `make docs`), node_modules/ the CDK command line. `make local`
# keeps its state in .local/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Byte code is kept even where the environment says otherwise: the CDK library is large.
unexport PYTHONDONTWRITEBYTECODE
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

UV := $(or $(shell command -v uv),.uv/bin/uv)
PY := .venv/bin/python
# Imported from where they are: packages of this repository that are not installed.
RUN := PYTHONPATH=functions:. $(PY) -m
LOCK := $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.13 \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
TEST_WORKERS ?= 2
PAGE := wcsctl/console/static
NPM_RUN := npm run --silent

# An environment whose interpreter has gone (Python upgraded, directory moved) is made again.
$(shell for env in .venv .emulator .lambda .docs; do [ -x $$env/bin/python ] || rm -f $$env/.stamp; done)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Use it
.PHONY: setup local local-stop hook clean
setup: ## Install what is missing or out of date
	@[ -e node_modules/.stamp ] || local/check-node.sh
	@$(MAKE) --no-print-directory --silent -j3 .venv/.stamp .emulator/.stamp $(PAGE)/.stamp

local: setup ## Deploy to an AWS emulator on this machine, load the example policies, post hooks
	@$(PY) -m local up

local-stop: ## Stop the emulator that `make local` started
	@if [ -x $(PY) ]; then $(PY) -m local down; else echo "No emulator is running from here."; fi

# Their values as they are: make would take a $ in them for a variable of its own.
unexport BODY CONNECT
hook: export HOOK_BODY := $(value BODY)
hook: export HOOK_CONNECT := $(value CONNECT)
hook: setup ## Send a signed hook: make hook METHOD=call BODY='{"callee":"100"}' CONNECT='custom.role=x'
	@if [ -z "$${METHOD:-}" ]; then \
		echo "Name the hook: make hook METHOD=publishStream BODY='{\"name\":\"private-1\"}'" >&2; exit 1; fi
	@set -f; printf '%s' "$${HOOK_BODY:-{\}}" | $(PY) -m wcsctl --local send "$$METHOD" \
		--file "$${FILE:--}" $${HOOK_CONNECT:+$$(printf -- '--connect %s ' $$HOOK_CONNECT)}

clean: local-stop ## Stop the emulator and remove everything that was made here
	@rm -rf .local .venv .emulator .lambda .docs .uv node_modules cdk.out* build dist $(PAGE)
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Change it
.PHONY: check lint style types format test e2e check-template
check: setup lint ## Style, words, types and unit tests: the loop while editing
	@HYPOTHESIS_PROFILE=dev $(PY) -m pytest -q -n $(TEST_WORKERS) --dist loadfile tests/unit

lint: setup style types ## Check style, formatting, words and types

style:
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(RUN) tools.language
	@$(NPM_RUN) lint

types:
	@$(NPM_RUN) types
	@$(PY) -m mypy

format: setup ## Format the code and repair what can be repaired
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(NPM_RUN) format

check-template: setup ## Check template and IAM policies with cfn-lint, parliament and cdk-nag
	@$(PY) -m pytest -q -n $(TEST_WORKERS) --dist loadfile \
		tests/infra/test_independent_checks.py tests/infra/test_best_practice.py

# The end-to-end tests mostly wait, so that the types are checked beside them.
test: setup style chromium ## Every check and every test, end to end included
	@echo "==> Unit, property, integration and stack tests"
	@$(PY) -m pytest -n $(TEST_WORKERS) --dist loadfile --ignore tests/e2e --cov
	@echo "==> Types, and end-to-end tests on an emulator for each of $(TEST_WORKERS) workers"
	@$(MAKE) --no-print-directory -j2 types e2e

.PHONY: chromium
chromium:
	@local/install-chromium.sh

e2e: chromium
	@$(PY) -m pytest -n $(TEST_WORKERS) --dist loadfile tests/e2e

##@ Prove it
.PHONY: soak fuzz reliability bench cost
soak: setup ## Inject faults under load and account for every hook: MINUTES=30 SEED= RATE= RESULT=
	@$(RUN) verification.soak run --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED)) \
		$(if $(RATE),--rate $(RATE)) $(if $(RESULT),--result $(RESULT))

fuzz: setup ## Fuzz everything, a quarter of an hour: RUNS= SEED= TARGETS="body http"
	@$(RUN) verification.fuzz $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(TARGETS)

reliability: setup ## Try each fault and write docs/maintainers/reliability.md
	@$(RUN) verification.fault_matrix.reliability

bench: setup .lambda/.stamp ## Measure everything against its target: SECTIONS="functions decisions"
	@$(RUN) bench $(SECTIONS)

cost: setup ## Calculate the bill and the order of quotas, into the pages on cost and scale
	@$(RUN) tools.cost

##@ Maintain it
.PHONY: wheel lock audit reference docs screenshots
wheel: setup ## Build the wheel of wcsctl, console included, into dist/
	@$(UV) build --quiet --wheel --out-dir dist --python .venv/bin/python .

lock: setup ## Pin the packages' versions again (UPGRADE=1: the newest allowed)
	@$(LOCK) --group functions -o functions/requirements.txt
	@$(LOCK) --group emulator -o local/emulator-requirements.txt
	@$(LOCK) --group docs -o tools/docs-requirements.txt
	@$(LOCK) pyproject.toml -c functions/requirements.txt $(foreach g,functions cdk tools test fuzz bench,--group $g) \
		-o requirements.txt
	@npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --silent

audit: setup ## Look up known vulnerabilities of the pinned packages; needs the network
	@$(RUN) tools.audit

screenshots: setup chromium local-stop ## Record docs/terminal.svg and the console's pictures in docs/operate/console
	@mkdir -p docs/operate/console
	@CONSOLE_SCREENSHOTS=docs/operate/console $(PY) -m pytest -q -n 0 tests/e2e/test_console.py
	@$(RUN) tools.terminal_picture
	@$(MAKE) --no-print-directory local-stop

reference: setup ## Write the pages of docs/reference that are made from the code
	@$(RUN) tools.reference
	@$(RUN) tools.openapi
	@$(RUN) tools.hook_fields
	@$(RUN) tools.metrics_reference
	@$(RUN) tools.expressions

docs: .docs/.stamp ## Make the site of the documents in build/docs; broken links fail
	@NO_MKDOCS_2_WARNING=1 .docs/bin/python -m mkdocs build
	@echo "build/docs/index.html"

# --- The environments ---------------------------------------------------------------------------

.uv/bin/uv: requirements.txt
	@echo "==> Installing uv into .uv/"
	@rm -rf .uv
	@awk '/^uv==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements.txt \
		| "$$(local/find-python.sh any)" -m pip install --quiet --disable-pip-version-check \
			--root-user-action=ignore --require-hashes --target .uv --requirement /dev/stdin
	@touch $@

.venv/.stamp: requirements.txt pyproject.toml | $(UV)
	@echo "==> Installing the tools into .venv/"
	@[ -x .venv/bin/python ] || $(UV) venv --quiet --clear --python "$$(local/find-python.sh)" .venv
	@$(UV) pip sync --quiet --require-hashes --python .venv/bin/python requirements.txt
	@$(UV) pip install --quiet --no-deps --python .venv/bin/python --editable .
	@touch $@

.emulator/.stamp: local/emulator-requirements.txt | $(UV)
	@echo "==> Installing the AWS emulator into .emulator/"
	@[ -x .emulator/bin/python ] || $(UV) venv --quiet --clear --python "$$(local/find-python.sh)" .emulator
	@$(UV) pip sync --quiet --require-hashes --python .emulator/bin/python $<
	@touch $@

.docs/.stamp: tools/docs-requirements.txt | $(UV)
	@echo "==> Installing MkDocs into .docs/"
	@[ -x .docs/bin/python ] || $(UV) venv --quiet --clear --python "$$(local/find-python.sh)" .docs
	@$(UV) pip sync --quiet --require-hashes --python .docs/bin/python $<
	@touch $@

# Only what Lambda's Python brings with it, in the versions and with the hashes of the lock.
.lambda/.stamp: requirements.txt | $(UV)
	@echo "==> Installing Lambda's runtime client into .lambda/"
	@$(UV) venv --quiet --clear --python "$$(local/find-python.sh)" .lambda
	@$(UV) pip install --quiet --compile-bytecode --python .lambda/bin/python \
		--constraint requirements.txt awslambdaric boto3
	@touch $@

node_modules/.stamp: package-lock.json
	@echo "==> Installing the CDK command line, and what builds the console, into node_modules/"
	@npm ci --no-audit --no-fund --silent
	@touch $@

$(PAGE)/.stamp: node_modules/.stamp $(shell find wcsctl/console/page -type f)
	@$(NPM_RUN) build
	@touch $@
