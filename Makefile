# Everything that contributors need. It all runs in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup check test cover docs demo lock

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
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder

cover:  ## the long matrices too
	$(BIN)/python -m pytest

docs:  ## the documentation site into site/; a dead link fails
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

demo:  ## the shipped crawl on the embedded provider
	$(BIN)/evalkit

lock:  ## write requirements/ again from pyproject.toml
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra local --extra terminal --extra tools --extra lab pyproject.toml -o requirements/local.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra local --extra terminal --extra tools --extra lab --extra dev -c requirements/local.txt pyproject.toml -o requirements/dev.txt
