# make demo: everything set up, the embedded network surveyed, its site exported and opened.
# make test: everything set up, lint, types and tests. Nothing is needed first but Python 3.11+ and a package index.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test test-all lint types docs benchmarks clean

demo: .venv/demo-ready
	$(BIN)/pellucid demo demo

test: .venv/dev-ready lint types
	$(BIN)/python -m pytest -n 2
	$(BIN)/python -m pytest --doctest-modules src

test-all: .venv/dev-ready lint types
	$(BIN)/python -m pytest -n 2 -m "not gpu"
	$(BIN)/python -m pytest --doctest-modules src

lint: .venv/dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev-ready
	$(BIN)/mypy

docs: .venv/dev-ready
	PYTHONPATH=tests/support $(BIN)/python -m sphinx -W -q -b html docs docs/_build/html
	PYTHONPATH=tests/support $(BIN)/python -m sphinx -W -q -b doctest docs docs/_build/doctest

clean:
	rm -rf .venv demo docs/_build build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

# torch is named together with its extras in one command, so that pip takes the constrained build and no other.
.venv/demo-ready: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) torch -e ".[demo]"
	@touch $@

.venv/dev-ready: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) torch torchvision -e ".[dev]"
	@touch $@
