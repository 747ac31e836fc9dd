# Needs Python 3.11 or newer, pip and make; nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check
TOUCHED := pyproject.toml constraints.txt
export OMP_WAIT_POLICY := PASSIVE
.DEFAULT_GOAL := help
.PHONY: help run test check format wheel bench fuzz clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: $(VENV)/.installed ## install into .venv, train on the S&P 500 and on a battery in Texas, and write two reports
	$(BIN)/python -m tradewinds run
	$(BIN)/python -m tradewinds run experiment=houston_weather

test: $(VENV)/.installed-dev check ## install, then lint, types, contracts, tests and the wheel test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

check: $(VENV)/.installed-dev ## lint, types and import contracts only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed-dev ## format the code and sort its imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

wheel: $(VENV)/.installed-dev ## build dist/tradewinds-*.whl
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

bench: $(VENV)/.installed-dev ## print measured speeds, skill and coverage (about half an hour)
	$(BIN)/python benchmarks/env.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/networks.py
	$(BIN)/python benchmarks/forecasters.py
	$(BIN)/python benchmarks/agents.py
	$(BIN)/python benchmarks/data.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/backtest.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/page.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/coverage.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/temperature.py test

fuzz: $(VENV)/.installed-dev ## read 10,000 damaged files and replies (about three minutes)
	FUZZ=2250 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/laws/test_fuzz.py

clean: ## remove what was installed and built; runs/ stays
	rm -rf $(VENV) build dist *.egg-info

# A venv without pip of its own, filled by the pip that is there: Debian's Python has no ensurepip.
$(VENV)/bin/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(TOUCHED)
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python $(TOUCHED)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed
