# `make demo` and `make test` set up everything they need in .venv; Python >= 3.11 and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types bench mutants sbom clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Netti needs Python 3.11 or newer; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/netti demo $(if $(ONCE),--once) $(if $(SEED),--seed $(SEED)) $(if $(FAULT),--fault $(FAULT))

# A file in one piece, the longest first (tests/conftest.py).
test: $(VENV)/.ready lint types
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --durations 15 $(TEST_FLAGS)

lint: $(VENV)/.ready
	$(BIN)/ruff check .

types: $(VENV)/.ready
	$(BIN)/mypy

bench: $(VENV)/.ready
	@for b in bench/[a-z]*.py; do echo "== $$b"; $(BIN)/python $$b --quick --json || exit 1; done

# Whether the tests notice small changes of the code: some hundreds of them in about five minutes a package.
mutants: $(VENV)/.ready
	$(BIN)/python bench/mutants.py --list --json

# What runs a receiver or a gateway, with versions and licences (CycloneDX).
sbom: $(VENV)/.ready
	$(BIN)/python -m netti_tools.sbom --out sbom.json

clean:
	rm -rf $(VENV) build dist *.egg-info
