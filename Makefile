# Each target works alone on a fresh clone: it makes .venv/, installs what it needs, and does its job.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: run test check clean

run: .venv/run.stamp
	$(BIN)/python -m experiments ch1-baseline --seeds 5

test: .venv/test.stamp
	$(BIN)/python -m pytest -n auto

check: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf .venv

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	touch $@

.venv/test.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test]'
	touch $@
