# `make help` lists what there is. PYTHON= chooses the interpreter that the environments are made from.
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
ENGINES := .venv-engines
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

# Zig links against the glibc of manylinux2014, whatever this machine has. Elsewhere, or with `make wheels OLD=`, the system's own linker.
DIST ?= dist
ifeq ($(shell uname -s),Linux)
OLD ?= --zig --compatibility manylinux2014
endif
export CARGO_ZIGBUILD_PYTHON_PATH := $(PYO3_PYTHON)

# With a profile (`make wheels OLD=`) where the compiler's own llvm-profdata is there: `rustup component add llvm-tools`. Not through
# Zig, which does not know the option by which the counters are linked.
PROFDATA := $(wildcard $(shell rustc --print sysroot)/lib/rustlib/*/bin/llvm-profdata*)
PGO ?= $(if $(OLD),,$(if $(PROFDATA),--pgo))
# What is measured is built as release.yml asks for, where that can be had.
MEASURED := $(VENV)/$(if $(PROFDATA),.profiled,.built)

# RESPSTREAM_SKIP_ENGINES=ray,spark,dask leaves out those that it names; an engine that is not named has to be there.
comma := ,
ENGINES_MADE := $(ENGINES)/.made$(addprefix -,$(RESPSTREAM_SKIP_ENGINES))
ENGINE_GROUPS := engines $(filter-out $(subst $(comma), ,$(RESPSTREAM_SKIP_ENGINES)),ray spark dask)
BENCH_LOGS := target/bench-logs

# Everything of the fuzzer stays under target/. Its coverage flags are nightly's; the variable gives them to any toolchain.
# The core has no unsafe code that a sanitizer would watch, and is several times as fast without.
FUZZ_TARGETS := frames json value_cache events fold decoder
FUZZ_SECONDS ?= 60
FUZZ_SEEDS := $(addprefix $(CURDIR)/tests/data/,transcripts conformance/cases)
FUZZ_ROOM := $(CURDIR)/target/fuzz
CARGO_FUZZ := $(CURDIR)/target/tools/bin/cargo-fuzz
FUZZ := RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ)
FUZZ_OPTIONS := --fuzz-dir $(CURDIR)/rust/fuzz --target-dir $(FUZZ_ROOM) --sanitizer none

CARGO_DENY := $(CURDIR)/target/tools/bin/cargo-deny
EVENTS ?= 1000000
# The sanitizer's flag is nightly's, too. A target of its own keeps it off what runs while building.
ASAN_HOST := $(shell rustc -vV | sed -n 's/host: //p')
ASAN := RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$(CURDIR)/target/asan
ASAN_TESTS := $(addprefix tests/,json sse diagnostics frames records predict protocols lanes decoder inputs/test_bad_input.py tables/test_scan.py \
	tables/test_splits.py laws/test_laws.py laws/test_backends_agree.py)

.PHONY: help demo build test test-rust test-python test-sdk2 test-store test-engines engines-system
.PHONY: lint format docs wheels check-wheels attacks attacks-full bench bench-cluster
.PHONY: pgo bench-full bench-rust bench-short callgrind clean deny differential fuzz fuzz-smoke
.PHONY: kills sanitize showpiece soak
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.built ## one row a response, from the five transcripts
	@$(BIN)/respstream responses $(TRANSCRIPTS)

build: $(VENV)/.built ## the extension, in .venv

pgo: $(VENV)/.profiled ## the same, with a profile, as release.yml builds the wheels: three times the work

test: test-rust test-python ## the Rust tests, and the Python suite over both backends

test-rust: $(VENV)/.made
	cargo test --locked --quiet --workspace --exclude respstream-python

test-python: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

test-sdk2: $(VENV)/.built $(VENV)/.sdk2 ## what faces the openai SDK, over its second generation
	PYTHONPATH=$(VENV)/sdk2 $(BIN)/python -m pytest $(PYTEST_ARGS) tests/protocols/responses/test_catalogue.py tests/integrations/test_openai_events.py

test-engines: $(VENV)/.built $(ENGINES_MADE) ## Ray, Spark, Dask, polars and DuckDB over the logs, each for real
	PYTHONPATH=. RAY_USAGE_STATS_ENABLED=0 $(ENGINES)/bin/python -m pytest $(PYTEST_ARGS) tests/integrations/engines

engines-system: ## what Spark needs of the system: Java, from Debian's packages (as root)
	command -v java >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless; }

test-store: $(VENV)/.built $(VENV)/.store ## the command line over an object store: a local server with S3's interface
	PYTHONPATH=$(CURDIR)/$(VENV)/store $(BIN)/python -m pytest $(PYTEST_ARGS) tests/cli/test_object_store.py

lint: $(VENV)/.lint $(VENV)/.built ## rustfmt, clippy, ruff, mypy, pyright, the stub against the extension, the workflows
	cargo fmt --all --check
	cargo fmt --manifest-path rust/fuzz/Cargo.toml --check
	cargo clippy --locked --quiet --workspace --all-targets -- -D warnings
	cargo clippy --quiet --manifest-path rust/fuzz/Cargo.toml --target-dir target/fuzz --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/python -m mypy.stubtest respstream._native --mypy-config-file pyproject.toml --allowlist tools/stubtest.allow
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress --quiet --min-severity low .github/workflows

format: $(VENV)/.lint ## rustfmt and ruff, in place
	cargo fmt --all
	cargo fmt --manifest-path rust/fuzz/Cargo.toml
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(VENV)/.docs ## the site, into target/docs; what is wrong in it is an error
	RESPSTREAM_BACKEND=python PYTHONPATH=python $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs target/docs

wheels: $(VENV)/.package ## the platform wheel, the pure one and the sources, into dist/
	rm -rf $(DIST)
	$(BIN)/maturin sdist --out $(DIST)
	$(BIN)/maturin build --release --locked --interpreter $(PYO3_PYTHON) $(PGO) $(OLD) --out $(DIST)
	$(BIN)/python tools/pure_wheel.py $(DIST)/respstream-*.whl

check-wheels: wheels ## the same, and that they are what they say
	$(BIN)/twine check --strict $(DIST)/*
	$(BIN)/check-wheel-contents $(DIST)/*.whl
	$(BIN)/abi3audit --strict --assume-minimum-abi3 3.11 $(DIST)/*-abi3-*.whl
	for wheel in $(DIST)/*-manylinux*.whl; do \
		[ -e $$wheel ] || continue; \
		PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --only-plat --plat manylinux_2_17_$(shell uname -m) --wheel-dir target/audited $$wheel || exit 1; \
	done

bench: $(MEASURED) $(BENCH)/.made ## every row beside its peers, into benches/RESULTS.md and the short table of README and docs
	RESPSTREAM_BUILD=$(MEASURED:$(VENV)/.%=%) PYTHONPATH=python $(BENCH)/bin/python -m benches.run

bench-full: $(MEASURED) $(BENCH)/.made ## the same on 200 MB to 10 GB a row: an hour, 12 GB of disk
	RESPSTREAM_BUILD=$(MEASURED:$(VENV)/.%=%) PYTHONPATH=python $(BENCH)/bin/python -m benches.run --full

showpiece: $(VENV)/.built $(BENCH)/.made ## two gigabytes of logs in 200 files to Parquet: rate and peak memory
	PYTHONPATH=python $(BENCH)/bin/python -m benches.showpiece

bench-short: $(VENV)/.built $(BENCH)/.made ## the benchmarks on small input: answers are checked, times mean nothing
	PYTHONPATH=python $(BENCH)/bin/python -m benches.run --short
	PYTHONPATH=python $(BENCH)/bin/python -m pytest -q -p no:cacheprovider benches/test_measure.py

bench-rust: $(VENV)/.made ## micro benches of the core's stages, over a log of each shape
	$(BIN)/python -m benches.logs $(BENCH_LOGS) > /dev/null
	RESPSTREAM_BENCH_LOGS=$(CURDIR)/$(BENCH_LOGS) cargo bench --locked --quiet -p respstream-core --bench frames --bench json --bench events --bench fold

callgrind: $(VENV)/.made ## the stages of the core, instructions a byte and GB/s for each shape, into benches/STAGES.md; needs valgrind
	cargo build --locked --quiet --release -p respstream-core --example stages
	$(BIN)/python -m benches.stages target/release/examples/stages $(BENCH_LOGS)

bench-cluster: $(VENV)/.built $(ENGINES_MADE) ## Ray and Spark of one and two workers over 4 GB of logs, beside scan; some ten minutes
	PYTHONPATH=. RAY_USAGE_STATS_ENABLED=0 $(ENGINES)/bin/python -m benches.cluster

fuzz: $(CARGO_FUZZ) ## each fuzz target for FUZZ_SECONDS (60); what fails stays in target/fuzz/artifacts
	$(FUZZ) build $(FUZZ_OPTIONS)
	@for target in $(FUZZ_TARGETS); do \
		echo "fuzz $$target"; \
		mkdir -p $(FUZZ_ROOM)/corpus/$$target $(FUZZ_ROOM)/artifacts/$$target; \
		$(FUZZ) run $(FUZZ_OPTIONS) $$target $(FUZZ_ROOM)/corpus/$$target $(FUZZ_SEEDS) -- \
			-artifact_prefix=$(FUZZ_ROOM)/artifacts/$$target/ -dict=$(CURDIR)/rust/fuzz/dictionary -max_len=8192 -timeout=10 \
			-verbosity=0 -print_final_stats=1 -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

fuzz-smoke: ## each fuzz target for ten seconds
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=10

attacks: $(VENV)/.built $(VENV)/.test ## what hostile sources cost, into docs/security.md
	$(BIN)/python -m tests.support.attacks

attacks-full: $(VENV)/.built $(VENV)/.test ## the same, and 2 GiB of each of the huge ones; takes 5 GiB of memory
	$(BIN)/python -m tests.support.attacks --full

differential: $(VENV)/.built $(VENV)/.test ## both backends over EVENTS generated events (1,000,000), a half of them in long streams
	$(BIN)/python -m tests.support.differential --events $$(($(EVENTS) / 2))
	$(BIN)/python -m tests.support.differential --events $$(($(EVENTS) / 2)) --long

kills: $(VENV)/.built $(VENV)/.test ## SIGKILL and SIGTERM while Parquet is written, 200 times each
	RESPSTREAM_KILL_ROUNDS=200 $(BIN)/python -m pytest -q --timeout 3600 tests/laws/test_faults.py -k signals_at_any_time

soak: $(VENV)/.built $(VENV)/.test ## what must leave nothing behind, twenty times as often as in the tests
	RESPSTREAM_SOAK=20 $(BIN)/python -m pytest -q --timeout 3600 tests/laws/test_leaks.py

# Python is not sanitized: its allocator is told to be malloc, and what it keeps for good is no leak.
sanitize: $(VENV)/.built $(VENV)/.test ## the Rust tests, and what faces the extension, under the address sanitizer (Linux, gcc)
	$(ASAN) cargo test --locked --quiet --target $(ASAN_HOST) --workspace --exclude respstream-python
	$(ASAN) PYO3_BUILD_EXTENSION_MODULE=1 cargo build --locked --quiet --target $(ASAN_HOST) --package respstream-python
	rm -rf target/asan/python && mkdir -p target/asan/python && cp -R python/respstream target/asan/python
	cp target/asan/$(ASAN_HOST)/debug/lib_native.so target/asan/python/respstream/_native.abi3.so
	PYTHONPATH=$(CURDIR)/target/asan/python PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$$(gcc -print-file-name=libasan.so) \
		$(BIN)/python -m pytest -q -p no:cacheprovider --timeout 1200 -k "not (large_input and python)" $(ASAN_TESTS)

deny: $(CARGO_DENY) ## licences, bans and sources of the crates (deny.toml)
	$(CARGO_DENY) --workspace --locked check licenses bans sources

clean: ## everything that was built, the environments too
	rm -rf $(VENV) $(BENCH) $(ENGINES) dist target .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .coverage
	rm -f python/respstream/_native.*.so python/respstream/_native*.pyd
	find python tests tools benches -name __pycache__ -type d -prune -exec rm -rf {} +

$(CARGO_DENY):
	cargo install cargo-deny --version 0.20.2 --locked --quiet --root target/tools

$(CARGO_FUZZ):
	cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root target/tools

# Each environment step leaves a stamp, so that a second run does nothing.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --group build
	@touch $@

$(VENV)/.built: $(VENV)/.made $(NATIVE_SOURCES)
	@rm -f $(VENV)/.profiled python/respstream/_native.*so # one for this version alone would be loaded before the one for all
	$(BIN)/maturin develop --quiet --release --locked --extras cli
	@touch $@

$(VENV)/.profiled: $(VENV)/.made $(NATIVE_SOURCES) tools/train.py
	@rm -f python/respstream/_native.*so
	$(BIN)/maturin develop --quiet --release --locked --extras cli --pgo
	@touch $(VENV)/.built $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group test
	@touch $@

$(VENV)/.sdk2: $(VENV)/.test
	$(BIN)/python -m pip install --upgrade --no-deps --target $(VENV)/sdk2 'openai>=2.54,<3' distro
	@touch $@

$(VENV)/.docs: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group docs
	@touch $@

$(VENV)/.package: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group package
	@touch $@

$(VENV)/.store: $(VENV)/.test
	$(BIN)/python -m pip install --upgrade --target $(VENV)/store --group store
	@touch $@

$(VENV)/.lint: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group lint
	@touch $@

# The extension is the one of .venv, and what stands in python/ is installed as it is: workers find it on their own.
$(ENGINES_MADE): pyproject.toml
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --upgrade 'pip>=25.1'
	$(ENGINES)/bin/python -m pip install $(addprefix --group ,$(ENGINE_GROUPS))
	echo $(CURDIR)/python > "$$($(ENGINES)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/respstream.pth"
	@touch $@

$(BENCH)/.made: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --upgrade 'pip>=25.1'
	$(BENCH)/bin/python -m pip install --group bench
	@touch $@
