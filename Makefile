# Malleposte: every command of daily work. `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION := $(or $(MALLEPOSTE_VERSION),dev)
BIN := .venv/bin
# a fuzzer that finds a way to eat all memory shall fail in its test, not take the machine along: 8 GB is ten times what the tests use
PYTEST := ulimit -v 8000000; $(BIN)/pytest
# one run of pytest each, so that the containers of one are gone before those of the next start
ON_CONTAINERS := tests/integration/path:tests/integration/interop:tests/integration/durability tests/integration/routes tests/integration/failover
# all suites run, and what failed is said once more at the end, below everything else
define pytest_each
mkdir -p build/tests; failed=(); for suite in $(1); do \
    log=build/tests/$${suite##*/}.log; echo "pytest $${suite//:/ }"; \
    ($(PYTEST) $(if $(MAKE_TERMOUT),--color=yes) $${suite//:/ }) 2>&1 | tee "$$log" || failed+=("$$log"); \
    done; \
    if [[ $${failed[*]} ]]; then echo "make: failed, in $${failed[*]}:" >&2; grep -ahE '^(.\[[0-9;]*m)*(E  |FAILED|ERROR)' "$${failed[@]}" | tail -n 20 >&2; exit 1; fi
endef
PEERS := dns world client postgres resolver smarthost exim scripted cyrus
LAB := PYTHONPATH=tests/lab $(BIN)/python -m malleposte_lab
# the site with all that may have been started around it
ALL := docker compose -f compose.yaml -f compose.demo.yaml --profile '*'

.PHONY: help up down clean demo logs build .peers peers lint unit integration test lab chaos soak bench profile

help: ## list the commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

up: build ## build what has changed, start the site, return when all is healthy
	@docker compose up -d --wait --wait-timeout 180 || { docker compose ps -a; docker compose logs --tail 20; exit 1; }
	@tools/next-steps.sh

down: ## stop the site; mail stays
	@$(ALL) down --remove-orphans

clean: ## delete the site with its mail, queue and accounts (asks; CLEAN=yes does not)
	@if [[ "$${CLEAN:-}" != yes ]]; then \
	    read -rp "Delete all mail, queue, accounts and certificates of this site? Type yes: " answer && [[ $$answer == yes ]]; fi
	@$(ALL) down --remove-orphans --volumes
	@if [[ -d build/lab/malleposte-lab ]]; then $(LAB) down; fi
	@rm -rf build

demo: build .peers ## send mail in, across and out on this machine alone, read it, and show the way each message took
	@python3 tools/demo.py

logs: ## follow what all services say
	@docker compose logs -f --tail 50

# one image after the other: they share all but their last step, and BuildKit before 0.12 dies of several builds that share steps ("failed to get edge")
build: ## build the site's images
	@images/toolchain.sh
	@echo "building the images (a minute the first time)"
	@index=$${PIP_INDEX_URL:-$$(python3 -m pip config get global.index-url 2>/dev/null || true)}; \
	    if [[ $$index ]]; then export PIP_INDEX_URL=$$index; fi; \
	    docker compose --profile '*' --parallel 1 --progress plain build 2>&1 | images/steps.sh

# the images that stand around a site in demo and tests
.peers peers:
	@images/toolchain.sh
	@echo "building the peers: $(PEERS) (a minute the first time)"
	@for peer in $(PEERS); do docker build --progress plain -f images/peers/Dockerfile --target $$peer \
	    -t malleposte/$$peer:$(VERSION) images/peers 2>&1 | images/steps.sh; done

# the Python environment of the tests
.venv/stamp: requirements-dev.lock
	@for python in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; done; \
	    [[ $$python ]] || { echo "make: Python 3.11 or newer is needed" >&2; exit 1; }; \
	    echo "making .venv with $$($$python --version)"; \
	    $$python -m venv --clear .venv || { echo "make: install Python's module venv (Debian: python3-venv)" >&2; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

lint: .venv/stamp ## style, types and import contracts
	$(BIN)/ruff check
	$(BIN)/mypy
	PYTHONPATH=tests/lab $(BIN)/lint-imports

unit: .venv/stamp ## the tests that need no containers
	$(PYTEST) tests/architecture tests/unit tests/fuzz

integration: .venv/stamp build .peers ## the tests on running containers
	@$(call pytest_each,$(ON_CONTAINERS))

test: lint build .peers ## everything: lint, then all tests
	@$(call pytest_each,tests/architecture:tests/unit:tests/fuzz $(ON_CONTAINERS))

bench: .venv/stamp build .peers ## measure the site beside its peers (QUICK=1 ONLY="accept relay" ROUNDS=3)
	PYTHONPATH=tests/lab $(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)") $(if $(ROUNDS),--rounds $(ROUNDS))

profile: .venv/stamp build .peers ## show where the CPU time of a message goes, stage by stage
	PYTHONPATH=tests/lab $(BIN)/python -m tests.bench.profile

lab: .venv/stamp build .peers ## start two sites and a world around them, to see a failover (docs/lab.md)
	@$(LAB) up

chaos: .venv/stamp build .peers ## break two sites by a schedule while mail flows (SEED=... ROUNDS=...)
	@$(LAB) chaos $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS))

soak: .venv/stamp build .peers ## the same for a time (SEED=... MINUTES=...)
	@$(LAB) soak $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))
