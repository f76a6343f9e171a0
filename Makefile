# make demo | test | lint | bench | docs | audit: each sets itself up in .venv first.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# What the caller's environment says of other servers and data is not for here.
unexport DATABASE_URL BROKER_URL OBJECT_STORE LEDGERMILL_DATABASE_URL LEDGERMILL_BROKER_URL \
	LEDGERMILL_OBJECT_STORE LEDGERMILL_HOME

.PHONY: demo test lint bench docs audit setup constraints clean

setup: $(READY)

demo: export LEDGERMILL_HOME := $(CURDIR)/.demo
demo: export PATH := $(CURDIR)/$(BIN):$(PATH)
demo: $(READY)
	@trap 'ledgermill down' EXIT; set -ex; \
	ledgermill digitize samples/*.jpg --out out; \
	ledgermill search barometer; \
	ledgermill search --fuzzy barumeter; \
	ledgermill sql 'SELECT page, row_label, header, value, confidence, polygon FROM cells WHERE value BETWEEN 29 AND 31 LIMIT 5'; \
	head -4 out/hourly-pressure.table-1.csv

test: $(READY)
	$(BIN)/python -m pytest -q --numprocesses 2 --dist loadscope

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/bench.py

docs: $(READY)
	$(BIN)/python -m mkdocs build --strict

# Exits 3 where no list of known faults can be reached.
audit: $(READY)
	sh .ci/audit

# torch comes first and pinned: nothing after it may bring another build of it.
$(READY): pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(PIP) install -q -c constraints.txt torch==2.13.0 hatchling editables
	$(PIP) install -q -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

# Debian keeps ensurepip in a package of its own.
$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing: apt-get install python3.11" >&2; exit 1; }
	@sh .ci/venv "$(PYTHON)" "$(VENV)"

# Pins what a fresh set-up installs today; with Debian's own Python, which asks for the most.
constraints:
	rm -rf build/constraints
	sh .ci/venv /usr/bin/python3.11 build/constraints
	build/constraints/bin/pip install -q torch==2.13.0 hatchling editables
	build/constraints/bin/pip install -q --no-build-isolation -e '.[dev]'
	{ echo "# Made by: make constraints"; \
	echo "opencv-python<0  # it lies over opencv-python-headless and wants desktop libraries"; \
	build/constraints/bin/pip freeze --all --exclude-editable --exclude pip \
		| sed 's/^\(torch==[^+]*\)+.*/\1/' | LC_ALL=C sort -f; } > constraints.txt

clean:
	rm -rf $(VENV) .demo out build .mypy_cache .ruff_cache .pytest_cache .hypothesis
