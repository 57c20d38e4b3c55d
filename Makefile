# Two commands matter: `make demo` and `make test`. Everything lives in .venv, nothing is installed outside.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin
UV := TMPDIR=$(CURDIR)/.cache VIRTUAL_ENV=$(CURDIR)/.venv UV_CACHE_DIR=$(CURDIR)/.cache/uv UV_SYSTEM_CERTS=1 $(BIN)/uv
EDITABLE = --no-deps --no-build-isolation -e .
# Compiled once, also where PYTHONDONTWRITEBYTECODE is set: a hub starts in a third of the time.
COMPILED = "import duckdb, fastmcp.server.server, numpy, onnxruntime, tokenizers, typer, rich.progress"
SOURCES = $(shell find domain ports adapters entrypoints tests/contract -name '*.py')

FUZZ_SECONDS ?= 20

.PHONY: install demo test coverage slow soak fuzz bench lint docs docs-check audit lock
install: .venv/installed

.venv/locked: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it and run make again."; exit 1; }
	@echo "Installing into .venv with $$("$(PYTHON)" --version)."
	@mkdir -p .cache
	@"$(PYTHON)" -m venv .venv
	@awk '/^[^ #]/{on=/^uv==/} on' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r .venv/uv.lock
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -c $(COMPILED) 2>/dev/null
	@touch $@

.venv/installed: .venv/locked pyproject.toml $(SOURCES)
	@mkdir -p .cache
	@$(UV) pip install --quiet $(EDITABLE)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q build/__editable__*
	@touch $@

demo: install
	@$(BIN)/python -m session_mgmt_mcp.demo

test: install
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist worksteal -m "not slow and not soak"  # tests wait a lot: also on two cores

coverage: install
	$(BIN)/python -m pytest -n auto -m "not slow and not soak and not client" --cov --cov-report=term:skip-covered

slow: install
	$(BIN)/python -m pytest -n0 -m slow
	$(BIN)/python -m pytest -n auto -m "not slow and not soak" --store duckdb tests/unit
	$(BIN)/python -m pytest -n auto -m "hypothesis and not slow and not soak" --hypothesis-profile=thorough

soak: install
	$(BIN)/python -m pytest -n0 -m soak -s

fuzz: install
	$(BIN)/python -m tests.fuzz.run all --seconds $(FUZZ_SECONDS)

bench: install
	$(BIN)/python -m benchmarks.bench

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install
	$(BIN)/python docs/generate.py

docs-check: install
	$(BIN)/python docs/generate.py --check

audit: install
	$(BIN)/python .ci/audit.py

lock:
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --group dev --no-header pyproject.toml -o requirements.lock
