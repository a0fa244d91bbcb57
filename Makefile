# Each target does everything it needs on a machine with Python 3.10+ and make.
PYTHON ?= $(shell for v in 3.13 3.12 3.11 3.10 3; do \
	command -v python$$v >/dev/null 2>&1 && python$$v -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	&& echo python$$v && break; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?=
# BROWSER=1 asks for one's own; make would hand the 1 on as the browser's name
OWN_BROWSER := $(filter 1,$(BROWSER))

.PHONY: help demo test lint format docs bench clean

help:
	@echo "make demo    the whole story on this machine: sandbox, sign-in, project, config, sqlmesh plan (BROWSER=1: through your browser)"
	@echo "make test    every test"
	@echo "make lint    ruff, mypy, the import law"
	@echo "make format  let ruff lay out the code"
	@echo "make docs    the reference of commands anew, from the parser"
	@echo "make bench   the benchmarks: ratios from one run, written to docs/explanation/performance.md"
	@echo "make clean   remove what the others made"

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.10 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[keyring,sandbox,sqlmesh]' --group dev
	@touch $@

demo: $(VENV)/installed
	$(if $(OWN_BROWSER),env -u BROWSER) $(BIN)/dagctl sandbox demo --folder .demo $(if $(OWN_BROWSER),--browser)

test: $(VENV)/installed
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/installed
	$(BIN)/python tests/cli/reference.py

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks --write

clean:
	-$(BIN)/dagctl sandbox stop
	rm -rf $(VENV) .demo
