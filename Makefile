# Each target does everything it needs on a machine with Python 3.10+ and make.
PYTHON ?= $(shell for v in 3.13 3.12 3.11 3.10 3; do \
	command -v python$$v >/dev/null 2>&1 && python$$v -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	&& echo python$$v && break; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?=
# BROWSER=1 asks for one's own; make would hand the 1 on as the browser's name
OWN_BROWSER := $(filter 1,$(BROWSER))

.PHONY: help demo test test-matrix lint format docs bench lock release clean

help:
	@echo "make demo    the whole story on this machine: sandbox, sign-in, project, config, sqlmesh plan (BROWSER=1: through your browser)"
	@echo "make test    every test"
	@echo "make test-matrix  every test on Python 3.10 to 3.13, of those that are installed, and with the oldest dependencies (ONLY='3.13 sqlmesh': some of it)"
	@echo "make lint    ruff, mypy, pyright, the import law"
	@echo "make format  let ruff lay out the code"
	@echo "make docs    write the reference from the code, and build the site into site/"
	@echo "make bench   the benchmarks: ratios from one run, written to docs/explanation/performance.md"
	@echo "make lock    write constraints.txt from pyproject.toml, pinned and with hashes (UPGRADE=1: the newest)"
	@echo "make release build into dist/ what can be published, and look at it"
	@echo "make clean   remove what the others made"

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.10 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	@touch $@

demo: $(VENV)/installed
	$(if $(OWN_BROWSER),env -u BROWSER) $(BIN)/dagctl sandbox demo --folder .demo $(if $(OWN_BROWSER),--browser)

test: $(VENV)/installed
	$(BIN)/python -m pytest $(PYTEST)

test-matrix: $(VENV)/installed
	$(BIN)/python -m tests.packaging.matrix $(addprefix --only=,$(ONLY)) $(PYTEST)

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin src
	$(BIN)/mypy --platform win32 --no-warn-unreachable --exclude adapters/sandbox --follow-imports silent src  # the sandbox does not run there
	$(BIN)/lint-imports
	$(BIN)/pyright  # programs that use public names only

format: $(VENV)/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/installed
	$(BIN)/python tests/cli/reference.py
	$(BIN)/python -m tests.cli.json_reference
	$(BIN)/python -m tests.documentation.reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The site is in site/; open site/index.html, or run: $(BIN)/mkdocs serve"

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks --write

lock: $(VENV)/installed
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --generate-hashes \
		--all-extras --group dev $(if $(UPGRADE),--upgrade) --output-file constraints.txt pyproject.toml

release: $(VENV)/installed
	$(BIN)/python -m tests.packaging.release $(if $(REHEARSAL),--rehearsal)

clean:
	-$(BIN)/dagctl sandbox stop
	rm -rf $(VENV) .demo .matrix dist site
