# Needs Python 3.11 or newer, pip and make; nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check
TOUCHED := pyproject.toml constraints.txt
WHOLE_MODULES := --dist loadscope --no-loadscope-reorder# no run that a module's tests share is made by both workers
export OMP_WAIT_POLICY := PASSIVE
.DEFAULT_GOAL := help
.PHONY: help run test check format wheel bench bench-env fuzz clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/.installed ## install into .venv, train on the S&P 500 and on a battery in Texas, and write two reports
	$(BIN)/python -m tradewinds run
	$(BIN)/python -m tradewinds run experiment=houston_weather

test: $(VENV)/.installed-dev check ## install, then lint, types, contracts, tests and the wheel test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(WHOLE_MODULES)

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

bench-env: $(BENCH)/.installed ## build .venv-bench: this project beside the peers that it is measured against (2.5 GB)

bench: $(BENCH)/.installed $(VENV)/.installed-dev ## run the slow tests, then print measured speeds, skill and coverage beside the peers (three to four hours)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow
	$(BENCH)/bin/python benchmarks/env.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/portfolio.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/networks.py
	$(BENCH)/bin/python benchmarks/forecasters.py
	$(BENCH)/bin/python benchmarks/agents.py
	$(BENCH)/bin/python benchmarks/recurrent.py
	$(BENCH)/bin/python benchmarks/classics.py
	$(BENCH)/bin/python benchmarks/modalities.py
	$(BENCH)/bin/python benchmarks/data.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/outliers.py
	$(BENCH)/bin/python benchmarks/reading.py
	$(BENCH)/bin/python benchmarks/million.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/backtest.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/page.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/interval_coverage.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/temperature.py test
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/leaks.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/known_worlds.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/search.py kills
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/scale.py
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/transfer.py

fuzz: $(VENV)/.installed-dev ## read 10,000 damaged files and replies (about three minutes)
	FUZZ=1800 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/laws/test_fuzz.py

clean: ## remove what was installed and built; runs/ stays
	rm -rf $(VENV) $(BENCH) build dist *.egg-info

# A venv without pip of its own, filled by the pip that is there: Debian's Python has no ensurepip.
$(VENV)/bin/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(TOUCHED)
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python $(TOUCHED)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(BENCH)/bin/python:
	$(PYTHON) -m venv --without-pip $(BENCH)

$(BENCH)/.installed: $(BENCH)/bin/python $(TOUCHED) benchmarks/requirements.txt
	$(PYTHON) -m pip --python $(BENCH)/bin/python --disable-pip-version-check install --quiet --constraint constraints.txt \
		--requirement benchmarks/requirements.txt --editable '.[sb3,tensorboard,robots,scale,search]'
	@touch $@
