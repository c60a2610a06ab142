# Each target works alone on a fresh clone: it makes a virtual environment, installs what it needs, and does its job.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# PyTorch, one more oracle for the gradients, of the version in pyproject.toml. The build for Linux that PyPI has brings
# gigabytes of CUDA: only the one for the CPU will do, and where it cannot be had its tests are skipped. Empty for none.
TORCH := torch==2.13.0$(if $(filter Linux,$(shell uname)),+cpu)
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: run test bench notebook notebooks site check clean

run: $(VENV)/run.stamp
	$(BIN)/python -m experiments ch1-baseline --seeds 5

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

bench: $(VENV)/bench.stamp
	$(BIN)/python -m experiments benchmark $(ARGS)

# Opens a chapter as a notebook, yours to change: make notebook CHAPTER=2. One that is there is left as it is.
CHAPTER ?= 1
notebook: $(VENV)/notebook.stamp
	$(BIN)/python -m experiments notebook $(CHAPTER) $(ARGS)

# Runs the notebooks that are kept with their outputs, after a change of their source; of one, ARGS=2.
notebooks: $(VENV)/notebook.stamp
	$(BIN)/python -m experiments notebook --store $(ARGS)

# The site, into build/site/: open build/site/index.html.
site: $(VENV)/site.stamp
	$(BIN)/python -m sphinx -W --keep-going -q docs build/site

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[experiments]'
	touch $@

$(VENV)/test.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test]'
	test -z '$(TORCH)' || $(PIP) '$(TORCH)' 2>/dev/null || \
	  $(PIP) --retries 0 --timeout 5 --extra-index-url $(TORCH_INDEX) '$(TORCH)' 2>/dev/null || \
	  echo '$(TORCH) cannot be had here: the tests against PyTorch are skipped'
	touch $@

$(VENV)/bench.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[bench]'
	touch $@

$(VENV)/site.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[site]'
	touch $@

$(VENV)/notebook.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[notebook]'
	touch $@
