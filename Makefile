# `make help` lists what there is. PYTHON= chooses the interpreter that the environments are made from.
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
TRANSCRIPTS := $(sort $(wildcard tests/data/transcripts/*.sse tests/data/transcripts/*.jsonl))
NATIVE_SOURCES := Cargo.toml Cargo.lock pyproject.toml \
	$(shell find rust -name target -prune -o -type f \( -name '*.rs' -o -name '*.toml' \) -print)

# maturin and cargo look for the interpreter here.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1

PYTEST_ARGS ?=

.PHONY: help demo build test test-rust test-python lint format wheels bench bench-short clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.built ## one row a response, from the five transcripts
	@$(BIN)/respstream responses $(TRANSCRIPTS)

build: $(VENV)/.built ## the extension, in .venv

test: test-rust test-python ## the Rust tests, and the Python suite over both backends

test-rust: $(VENV)/.made
	cargo test --locked --quiet --workspace --exclude respstream-python

test-python: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.lint ## rustfmt, clippy, ruff, mypy, pyright
	cargo fmt --all --check
	cargo clippy --locked --quiet --workspace --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright

format: $(VENV)/.lint ## rustfmt and ruff, in place
	cargo fmt --all
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

wheels: $(VENV)/.made ## the platform wheel and the pure one, into dist/
	rm -rf dist
	$(BIN)/maturin build --release --locked --interpreter $(PYO3_PYTHON) --out dist
	$(BIN)/python tools/pure_wheel.py dist/respstream-*.whl

bench: $(VENV)/.built $(BENCH)/.made ## the table against peers, into benches/RESULTS.md
	PYTHONPATH=python $(BENCH)/bin/python -m benches.run

bench-short: $(VENV)/.built $(BENCH)/.made ## the benchmarks on small input: answers are checked, times mean nothing
	PYTHONPATH=python $(BENCH)/bin/python -m benches.run --short

clean: ## everything that was built, the environments too
	rm -rf $(VENV) $(BENCH) dist target .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .coverage
	rm -f python/respstream/_native.*.so python/respstream/_native*.pyd
	find python tests tools benches -name __pycache__ -type d -prune -exec rm -rf {} +

# Each environment step leaves a stamp, so that a second run does nothing.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --group build
	@touch $@

$(VENV)/.built: $(VENV)/.made $(NATIVE_SOURCES)
	$(BIN)/maturin develop --quiet --release --locked --extras cli
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group lint
	@touch $@

$(BENCH)/.made: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --upgrade 'pip>=25.1'
	$(BENCH)/bin/python -m pip install --group bench
	@touch $@
