# `make help` lists the targets. PYTHON= selects the interpreter of the virtual environments.
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
ENGINES := .venv-engines
BIN := $(VENV)/bin
TRANSCRIPTS := $(sort $(wildcard tests/data/transcripts/*.sse tests/data/transcripts/*.jsonl))
NATIVE_SOURCES := Cargo.toml Cargo.lock pyproject.toml \
	$(shell find rust -name target -prune -o -type f \( -name '*.rs' -o -name '*.toml' \) -print)

# maturin and cargo find the interpreter through these variables.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1

PYTEST_ARGS ?=
CHROMIUM ?= $(shell command -v chromium || command -v google-chrome)

# Zig links against the glibc of manylinux2014, whatever version is installed. Other systems, and `make wheels OLD=`, use the system's linker.
DIST ?= dist
ifeq ($(shell uname -s),Linux)
OLD ?= --zig --compatibility manylinux2014
endif
export CARGO_ZIGBUILD_PYTHON_PATH := $(PYO3_PYTHON)

# Profile-guided builds need the toolchain's llvm-profdata (`rustup component add llvm-tools`) and no Zig (`make wheels OLD=`): Zig
# lacks the linker option for the profile counters.
PROFDATA := $(wildcard $(shell rustc --print sysroot)/lib/rustlib/*/bin/llvm-profdata*)
PGO ?= $(if $(OLD),,$(if $(PROFDATA),--pgo))
# Benchmarks use the build of release.yml where llvm-profdata is available.
MEASURED := $(VENV)/$(if $(PROFDATA),.profiled,.built)

# RESPSTREAM_SKIP_ENGINES=ray,spark,dask skips the named engines; all others are required.
comma := ,
ENGINES_MADE := $(ENGINES)/.made$(addprefix -,$(RESPSTREAM_SKIP_ENGINES))
ENGINE_GROUPS := engines $(filter-out $(subst $(comma), ,$(RESPSTREAM_SKIP_ENGINES)),ray spark dask)
BENCH_LOGS := target/bench-logs

# All files of the fuzzer are under target/. RUSTC_BOOTSTRAP enables its nightly-only coverage flags on a stable toolchain.
# No sanitizer: the core has no unsafe code, and runs several times as fast without one.
FUZZ_TARGETS := frames json value_cache events fold identities messages decoder splits
FUZZ_SECONDS ?= 60
FUZZ_SEEDS := $(addprefix $(CURDIR)/tests/data/,transcripts conformance/cases)
FUZZ_DIR := $(CURDIR)/target/fuzz
CARGO_FUZZ := $(CURDIR)/target/tools/bin/cargo-fuzz
FUZZ := RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ)
FUZZ_OPTIONS := --fuzz-dir $(CURDIR)/rust/fuzz --target-dir $(FUZZ_DIR) --sanitizer none

CARGO_DENY := $(CURDIR)/target/tools/bin/cargo-deny
EVENTS ?= 1000000
TABLES ?= 20000
SEED ?= 0
DIFFERENTIAL = $(BIN)/python -m tests.support.differential --seed $(SEED) $(if $(JOBS),--jobs $(JOBS))
# The sanitizer's flag is nightly-only, too. With an explicit --target it does not apply to build scripts and macros.
ASAN_HOST := $(shell rustc -vV | sed -n 's/host: //p')
# Optimised a little, since the tests are slow otherwise; debug assertions and overflow checks remain.
ASAN := RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_TARGET_DIR=$(CURDIR)/target/asan
ASAN_TESTS := $(addprefix tests/,json sse diagnostics frames records predict protocols lanes decoder inputs/test_bad_input.py tables/test_scan.py \
	tables/test_splits.py laws/test_laws.py laws/test_backends_agree.py laws/test_object_memory.py laws/test_shared_objects.py)

.PHONY: help demo build test test-rust test-python test-sdk2 test-browser test-store test-engines test-wrappers
.PHONY: browser-system engines-system test-peers
.PHONY: lint format docs wheels check-wheels attacks attacks-full bench bench-cluster
.PHONY: pgo bench-full bench-rust bench-short callgrind clean deny differential fuzz fuzz-smoke
.PHONY: exhaustive kills laws sanitize showpiece soak
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.built ## one row per response, from the sample transcripts
	@$(BIN)/respstream responses $(TRANSCRIPTS)

build: $(VENV)/.built ## build the extension in .venv

pgo: $(VENV)/.profiled ## build it profile-guided, as release.yml does; takes three times as long

test: test-rust test-python ## run the Rust tests, and the Python suite with both backends

test-rust: $(VENV)/.made
	cargo test --locked --quiet --workspace --exclude respstream-python

test-python: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

test-sdk2: $(VENV)/.built $(VENV)/.sdk2 ## run the tests of the openai SDK integration with SDK 2
	PYTHONPATH=$(VENV)/sdk2 $(BIN)/python -m pytest $(PYTEST_ARGS) tests/protocols/responses/test_catalogue.py tests/integrations/test_openai_events.py

test-engines: $(VENV)/.built $(ENGINES_MADE) ## run the integration tests with Ray, Spark, Dask, polars and DuckDB
	PYTHONPATH=. RAY_USAGE_STATS_ENABLED=0 $(ENGINES)/bin/python -m pytest $(PYTEST_ARGS) tests/integrations/engines

engines-system: ## install Java, which Spark needs, from Debian's packages (as root)
	command -v java >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless; }

test-browser: $(VENV)/.built $(VENV)/.test ## test the page of `respstream report` in headless Chromium (CHROMIUM=path; see browser-system)
	RESPSTREAM_CHROMIUM=$(CHROMIUM) $(BIN)/python -m pytest $(PYTEST_ARGS) tests/cli/test_report.py

browser-system: ## install Chromium from Debian's packages (as root)
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

test-store: $(VENV)/.built $(VENV)/.store ## test the command line with an object store: a local S3 server
	PYTHONPATH=$(CURDIR)/$(VENV)/store $(BIN)/python -m pytest $(PYTEST_ARGS) tests/cli/test_object_store.py

test-wrappers: $(VENV)/.built $(VENV)/.wrappers ## run the tests of the SDK integrations with tracing libraries
	PYTHONPATH=$(CURDIR)/$(VENV)/wrappers $(BIN)/python -m pytest -o filterwarnings=default -p no:logfire -p no:pytest_logfire -p no:langsmith_plugin $(PYTEST_ARGS) tests/integrations/wrappers

test-peers: $(VENV)/.built $(VENV)/.test ## run the own tests of the SDKs (PEERS=openai openai2 anthropic) without and with acceleration; by hand, about half an hour
	rm -rf target/peers
	$(BIN)/python tools/peer_tests.py target/peers $(PEERS)

lint: $(VENV)/.lint $(VENV)/.built ## run rustfmt, clippy, ruff, mypy, pyright, stubtest and the workflow checks
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

format: $(VENV)/.lint ## format with rustfmt and ruff, in place
	cargo fmt --all
	cargo fmt --manifest-path rust/fuzz/Cargo.toml
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(VENV)/.docs ## build the site in target/docs; warnings are errors
	RESPSTREAM_BACKEND=python PYTHONPATH=python $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs target/docs

# Panic messages would contain the paths of the machine that builds.
CARGO_FOLDER := $(or $(CARGO_HOME),$(HOME)/.cargo)
NO_PATHS := --remap-path-prefix=$(CARGO_FOLDER)=cargo --remap-path-prefix=$(CURDIR)=respstream

wheels: $(VENV)/.package ## build the platform wheel, the pure-Python wheel and the sdist in dist/
	rm -rf $(DIST)
	$(BIN)/maturin sdist --out $(DIST)
	RUSTFLAGS="$$RUSTFLAGS $(NO_PATHS)" $(BIN)/maturin build --release --locked --interpreter $(PYO3_PYTHON) $(PGO) $(OLD) --out $(DIST)
	$(BIN)/python tools/pure_wheel.py $(DIST)/respstream-*.whl

check-wheels: wheels ## build the wheels and check their metadata, contents and ABI tags
	$(BIN)/twine check --strict $(DIST)/*
	$(BIN)/check-wheel-contents $(DIST)/*.whl
	$(BIN)/abi3audit --strict --assume-minimum-abi3 3.11 $(DIST)/*-abi3-*.whl
	for wheel in $(DIST)/*.whl; do \
		$(BIN)/python tools/no_paths.py $$wheel $(CARGO_FOLDER) $(CURDIR) || exit 1; \
	done
	for wheel in $(DIST)/*-manylinux*.whl; do \
		[ -e $$wheel ] || continue; \
		PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --only-plat --plat manylinux_2_17_$(shell uname -m) --wheel-dir target/audited $$wheel || exit 1; \
	done

bench: $(MEASURED) $(BENCH)/.made ## run the benchmarks; write benches/RESULTS.md and the short table of README and docs
	RESPSTREAM_BUILD=$(MEASURED:$(VENV)/.%=%) PYTHONPATH=python $(BENCH)/bin/python -m benches.run

bench-full: $(MEASURED) $(BENCH)/.made ## run them on 200 MB to 10 GB per row: an hour, 12 GB of disk
	RESPSTREAM_BUILD=$(MEASURED:$(VENV)/.%=%) PYTHONPATH=python $(BENCH)/bin/python -m benches.run --full

showpiece: $(VENV)/.built $(BENCH)/.made ## convert 2 GB of logs in 200 files to Parquet: rate and peak memory
	PYTHONPATH=python $(BENCH)/bin/python -m benches.showpiece

bench-short: $(VENV)/.built $(BENCH)/.made ## run the benchmarks on small inputs: checks results only, times are meaningless
	PYTHONPATH=python $(BENCH)/bin/python -m benches.run --short
	PYTHONPATH=python $(BENCH)/bin/python -m pytest -q -p no:cacheprovider benches/test_measure.py

bench-rust: $(VENV)/.made ## run the micro-benchmarks of the core's stages, over a log of each shape
	$(BIN)/python -m benches.logs $(BENCH_LOGS) > /dev/null
	RESPSTREAM_BENCH_LOGS=$(CURDIR)/$(BENCH_LOGS) cargo bench --locked --quiet -p respstream-core --bench frames --bench json --bench events --bench fold

callgrind: $(VENV)/.made ## count instructions per byte of the core's stages, into benches/STAGES.md; needs valgrind
	cargo build --locked --quiet --release -p respstream-core --example stages
	$(BIN)/python -m benches.stages target/release/examples/stages $(BENCH_LOGS)

bench-cluster: $(VENV)/.built $(ENGINES_MADE) ## compare Ray and Spark with scan over 4 GB of logs, 1 and 2 workers; about ten minutes
	PYTHONPATH=. RAY_USAGE_STATS_ENABLED=0 $(ENGINES)/bin/python -m benches.cluster

fuzz: $(CARGO_FUZZ) ## run each fuzz target for FUZZ_SECONDS (60); failing inputs are in target/fuzz/artifacts
	$(FUZZ) build $(FUZZ_OPTIONS)
	@for target in $(FUZZ_TARGETS); do \
		echo "fuzz $$target"; \
		mkdir -p $(FUZZ_DIR)/corpus/$$target $(FUZZ_DIR)/artifacts/$$target; \
		$(FUZZ) run $(FUZZ_OPTIONS) $$target $(FUZZ_DIR)/corpus/$$target $(FUZZ_SEEDS) -- \
			-artifact_prefix=$(FUZZ_DIR)/artifacts/$$target/ -dict=$(CURDIR)/rust/fuzz/dictionary -max_len=8192 -timeout=10 \
			-verbosity=0 -print_final_stats=1 -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

fuzz-smoke: ## run each fuzz target for ten seconds
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=10

attacks: $(VENV)/.built $(VENV)/.test ## measure the cost of hostile sources, into docs/security.md
	$(BIN)/python -m tests.support.attacks

attacks-full: $(VENV)/.built $(VENV)/.test ## measure also sources of 2 GiB; needs 5 GiB of memory
	$(BIN)/python -m tests.support.attacks --full

differential: $(VENV)/.built $(VENV)/.test ## compare both backends over EVENTS (1,000,000) generated events, half of them in long streams, and the tables of TABLES (20,000) files, with SEED (0) and JOBS processes (one per core)
	$(DIFFERENTIAL) --events $$(($(EVENTS) / 2))
	$(DIFFERENTIAL) --events $$(($(EVENTS) / 2)) --long
	$(DIFFERENTIAL) --tables $(TABLES)

laws: $(VENV)/.built $(VENV)/.test ## check 100,000 generated streams with the faults of gateways: no text disappears
	RESPSTREAM_LAWS=100000 $(BIN)/python -m pytest -q --timeout 3600 tests/laws/test_nothing_disappears.py tests/laws/test_one_answer.py

exhaustive: $(VENV)/.built $(VENV)/.test ## run all cases of the tests that the suite samples
	RESPSTREAM_EXHAUSTIVE=1 $(BIN)/python -m pytest -q --timeout 3600 tests/integrations/test_resume.py

kills: $(VENV)/.built $(VENV)/.test ## kill Parquet conversions with SIGKILL and SIGTERM, 200 times each
	RESPSTREAM_KILL_ROUNDS=200 $(BIN)/python -m pytest -q --timeout 3600 tests/laws/test_faults.py -k signals_at_any_time

soak: $(VENV)/.built $(VENV)/.test ## run the leak tests with twenty times the repetitions
	RESPSTREAM_SOAK=20 $(BIN)/python -m pytest -q --timeout 3600 tests/laws/test_leaks.py

# Python itself is not instrumented: it must allocate with malloc, and its permanent objects would be reported as leaks.
sanitize: $(VENV)/.built $(VENV)/.test ## run the Rust tests and the extension's tests under the address sanitizer (Linux, gcc)
	$(ASAN) cargo test --locked --quiet --target $(ASAN_HOST) --workspace --exclude respstream-python
	$(ASAN) PYO3_BUILD_EXTENSION_MODULE=1 cargo build --locked --quiet --target $(ASAN_HOST) --package respstream-python
	rm -rf target/asan/python && mkdir -p target/asan/python && cp -R python/respstream target/asan/python
	cp target/asan/$(ASAN_HOST)/debug/lib_native.so target/asan/python/respstream/_native.abi3.so
	PYTHONPATH=$(CURDIR)/target/asan/python PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$$(gcc -print-file-name=libasan.so) \
		$(BIN)/python -m pytest -q -p no:cacheprovider --timeout 1200 --numprocesses auto --maxprocesses 4 --dist loadfile \
		-k "not (large_input and python)" $(ASAN_TESTS)

deny: $(CARGO_DENY) ## check licences, bans and sources of the crates (deny.toml)
	$(CARGO_DENY) --workspace --locked check licenses bans sources

clean: ## remove all build output and the virtual environments
	rm -rf $(VENV) $(BENCH) $(ENGINES) dist target .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .coverage
	rm -f python/respstream/_native.*.so python/respstream/_native*.pyd
	find python tests tools benches -name __pycache__ -type d -prune -exec rm -rf {} +

$(CARGO_DENY):
	cargo install cargo-deny --version 0.20.2 --locked --quiet --root target/tools

$(CARGO_FUZZ):
	cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root target/tools

# Each environment has a stamp file, so that a second run does nothing.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --group build
	@touch $@

$(VENV)/.built: $(VENV)/.made $(NATIVE_SOURCES)
	@rm -f $(VENV)/.profiled python/respstream/_native.*so # Python prefers a version-specific file to the abi3 one
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

$(VENV)/.wrappers: $(VENV)/.test
	$(BIN)/python -m pip install --upgrade --target $(VENV)/wrappers --group wrappers
	@touch $@

$(VENV)/.lint: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --group lint
	@touch $@

# A .pth file puts python/, with the extension built for .venv, on the path of the engine's worker processes.
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
