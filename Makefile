# Each target works alone on a fresh clone: it makes a virtual environment, installs what it needs, and does its job.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: run test bench check clean

run: $(VENV)/run.stamp
	$(BIN)/python -m experiments ch1-baseline --seeds 5

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

bench: $(VENV)/bench.stamp
	$(BIN)/python -m experiments benchmark $(ARGS)

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	touch $@

$(VENV)/test.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test]'
	touch $@

$(VENV)/bench.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[bench]'
	touch $@
