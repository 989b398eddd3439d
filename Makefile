# What is done with Highwater, by name. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help run build pages test lint fmt bench torture fan-out-kills seeded-bugs strace clean-data

# One profile serves tests, torture and `make run`, so that one build is enough: our code unoptimised with all assertions,
# dependencies optimised. `make PROFILE=release run` is the server as it is meant to be used; figures are always of it.
PROFILE ?= dev
TARGET ?= $(or $(CARGO_TARGET_DIR),target)
BUILT := $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
CARGO ?= cargo
# With a mail server for tests where .ci/run has made an environment of its own.
PYTHON ?= $(or $(wildcard $(CURDIR)/target/python/bin/python3),python3)

# Of `make torture`: seconds, the seed, and POWERCUT=1 for power cuts beside kills.
DURATION ?= 60
SEED ?= 1
POWERCUT ?=
# Power cuts on a loop-mounted ext4 with forced shutdown; skipped by name where the machine does not allow it.
EXT4_CUTS ?= 5
TORTURE_FLAGS ?=
# Of `make fan-out-kills`: members of the group, and kills that must fall in the middle.
MEMBERS ?= 10000
ROUNDS ?= 5
# Of `make bench`: further arguments of the load tool.
BENCH_FLAGS ?=

# A step says its name before and its time after; a step that cannot run says so by name.
define STEPS
step() {
    local name="$$1" begin=$$SECONDS
    shift
    printf '== %s\n' "$$name"
    "$$@"
    printf '== %s: %d s\n' "$$name" "$$((SECONDS - begin))"
}
skip() { printf 'skipped: %s (%s)\n' "$$1" "$$2"; }
has() { command -v "$$1" >/dev/null 2>&1; }
endef

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make run          build, and start a server for trying out at http://127.0.0.1:8080
run: pages
	@$(CARGO) run --profile $(PROFILE) --bin highwater -- serve --dev

## make build        the server, the torture and the load tool
build: pages
	@$(CARGO) build --workspace --profile $(PROFILE)

## make pages        the operator's pages, which the server embeds; done by run and build where npm is installed
# A server without them works and says at its page that they are missing, so nothing fails here for want of npm or network.
pages:
	@$(STEPS)
	if ! has npm; then
	    skip "operator pages" "npm is not installed"
	elif ! sh web/operator/build.sh; then
	    skip "operator pages" "they could not be built; Node has to be 20.19 or later"
	fi

## make test         everything that has to be green before a change is merged
test:
	@$(STEPS)
	begin=$$SECONDS
	step "format" $(CARGO) fmt --all --check
	step "lints" $(CARGO) clippy --workspace --all-targets -- -D warnings
	step "lints of the features" $(CARGO) clippy -p highwater --lib --bins --features seeded-bugs,otlp -- -D warnings
	if has cargo-deny; then step "licences and advisories" cargo deny check; else skip "licences and advisories" "cargo-deny is not installed"; fi
	step "house rules" $(CARGO) test --test tidy
	if has npm; then
	    step "operator pages" sh web/operator/build.sh
	    step "types and modules of the operator pages" bash -c 'cd web/operator && npm run --silent check && npm run --silent test'
	else
	    skip "operator pages" "npm is not installed"
	fi
	step "tests of the workspace" $(CARGO) test --workspace
	step "seeded bugs of the sync engine, metrics for a collector" $(CARGO) test -p highwater --features seeded-bugs,otlp --test sim --test it -- seeded otlp
	step "golden frames" $(CARGO) test -p highwater-wire --test golden --test protocol_text
	step "server and torture" $(CARGO) build -p highwater -p highwater-torture
	if ! has python3; then
	    skip "client in Python" "python3 is not installed"
	elif ! compgen -G 'tests/python/test_*.py' >/dev/null; then
	    skip "client in Python" "tests/python has no test yet"
	else
	    step "client in Python" env HIGHWATER_BIN="$(abspath $(BUILT))/highwater" $(PYTHON) -m unittest discover -s tests/python
	fi
	if has python3 && has promtool && has prometheus; then
	    step "metrics under Prometheus" env HIGHWATER_BIN="$(abspath $(BUILT))/highwater" python3 -m unittest discover -s tests/prometheus
	else
	    skip "metrics under Prometheus" "python3, promtool or prometheus is not installed"
	fi
	if ! has python3 || ! { [ -x target/python/bin/schemathesis ] || has schemathesis; }; then
	    skip "operator's port under schemathesis" "schemathesis is not installed: .ci/run puts it into target/python"
	else
	    step "operator's port under schemathesis" env HIGHWATER_BIN="$(abspath $(BUILT))/highwater" sh tests/openapi/run.sh
	fi
	if ! [ -e tests/web/run.sh ]; then
	    skip "two people in a browser" "tests/web is not there"
	elif ! has npm || ! { has chromium || has chromium-browser || has google-chrome; }; then
	    skip "two people in a browser" "npm or chromium is not installed"
	else
	    step "two people in a browser" env HIGHWATER_BIN="$(abspath $(BUILT))/highwater" sh tests/web/run.sh
	fi
	if ! has npm || ! { has chromium || has chromium-browser || has google-chrome; }; then
	    skip "an operator in a browser" "npm or chromium is not installed"
	else
	    step "an operator in a browser" env PYTHON="$(PYTHON)" HIGHWATER_BIN="$(abspath $(BUILT))/highwater" sh tests/web/run.sh operator/main.js
	fi
	step "torture by kills" make --no-print-directory torture DURATION=20 SEED=1
	step "kills in a fan-out" make --no-print-directory fan-out-kills MEMBERS=10000 ROUNDS=2
	step "torture by power cuts" make --no-print-directory torture DURATION=20 SEED=1 POWERCUT=1
	step "seeded bugs" make --no-print-directory seeded-bugs
	if has strace && has python3; then step "order of write, sync and answer" make --no-print-directory strace; else skip "order of write, sync and answer" "strace or python3 is not installed"; fi
	# Small sizes and an unoptimised build: it shows that the load tool works; figures come from `make bench`.
	step "load tool" $(CARGO) run --quiet -p highwater-bench -- --short --server $(BUILT)/highwater --directory $(TARGET)/bench --out $(TARGET)/bench
	printf '== all: %d s\n' "$$((SECONDS - begin))"

## make lint         clippy, house rules, and cargo-deny where it is installed
lint:
	@$(STEPS)
	step "format" $(CARGO) fmt --all --check
	step "lints" $(CARGO) clippy --workspace --all-targets -- -D warnings
	step "house rules" $(CARGO) test --test tidy
	if has cargo-deny; then step "licences and advisories" cargo deny check; else skip "licences and advisories" "cargo-deny is not installed"; fi

## make fmt          format all code
fmt:
	@$(CARGO) fmt --all

## make bench        cost and speed of the release build; needs a quiet machine
bench:
	@$(CARGO) build --release -p highwater -p highwater-bench
	exec $(TARGET)/release/highwater-bench --server $(TARGET)/release/highwater $(BENCH_FLAGS)

## make torture      kill the server while clients talk, and judge what they saw; DURATION=60 SEED=1 POWERCUT=1
torture:
	@$(CARGO) build --quiet --profile $(PROFILE) -p highwater -p highwater-torture
	exec $(BUILT)/highwater-torture run --server $(BUILT)/highwater --duration-s $(DURATION) --seed $(SEED) \
	    $(if $(POWERCUT),--powercut --powercut-ext4 $(EXT4_CUTS)) $(TORTURE_FLAGS)

## make fan-out-kills  kill the server in the middle of the fan-out of one message; MEMBERS=10000 ROUNDS=5
fan-out-kills:
	@$(CARGO) build --quiet --profile $(PROFILE) -p highwater -p highwater-torture
	exec $(BUILT)/highwater-torture fan-out --server $(BUILT)/highwater --members $(MEMBERS) --rounds $(ROUNDS) --seed $(SEED)

## make seeded-bugs  prove that the torture finds each bug that was built in on purpose
# Those of the sync engine are found by the seeded histories: `cargo test --features seeded-bugs --test sim seeded`.
# Built under the usual name, taken aside, and built as usual again: dependencies are compiled once.
seeded-bugs:
	@seeded=$(BUILT)/highwater-seeded-bugs
	$(CARGO) build --quiet --profile $(PROFILE) -p highwater --bin highwater --features seeded-bugs
	cp --remove-destination $(BUILT)/highwater "$$seeded"
	$(CARGO) build --quiet --profile $(PROFILE) -p highwater -p highwater-torture
	$(BUILT)/highwater-torture prove --server-with-bugs "$$seeded"

## make strace       prove from the system calls that a message is written and synced before it is told
strace:
	@$(STEPS)
	$(CARGO) build --quiet --profile $(PROFILE) -p highwater
	step "written, synced, told" python3 tests/crash/stored_before_told.py --server $(BUILT)/highwater
	if [ -e $(BUILT)/highwater-seeded-bugs ]; then
	    step "told before it is synced" python3 tests/crash/stored_before_told.py --server $(BUILT)/highwater-seeded-bugs \
	        --seeded-bug acknowledge-before-sync --expect-violation
	else
	    skip "told before it is synced" "make seeded-bugs builds what it needs"
	fi

## make clean-data   forget everything that servers of `make run` have stored
clean-data:
	@find data -mindepth 1 ! -name README.md -delete
