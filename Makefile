# Five words for contributors. Everything runs in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup check test cover demo lock

setup:  ## a virtual environment with everything, every package verified by hash
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --require-hashes -r requirements/dev.txt
	$(BIN)/pip install -q --no-deps -e .

check:  ## format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test:  ## all but the long matrices
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile

cover:  ## the long matrices too
	$(BIN)/python -m pytest

demo:  ## the shipped crawl on the embedded provider
	$(BIN)/evalkit

lock:  ## write requirements/ again from pyproject.toml
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra local pyproject.toml -o requirements/local.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra local --extra dev -c requirements/local.txt pyproject.toml -o requirements/dev.txt
