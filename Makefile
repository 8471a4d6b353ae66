# `make run`, `make demo` and `make test` do everything on a machine with Python 3.11+, make, npm and a network.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OTHERS := $(VENV)/.others
AXE := tests/node_modules/.ready
PLAN := plans/northwest-education-centre

# What needs no Prefect server and no browser, and is no long play.
QUICK := -m "not stack and not browser and not processes"
OTHER := .venv-other
FLOORS := .venv-floors

.PHONY: run demo up test test-fast test-other-python floors soak check format bench bench-portal lock clean

run: $(READY)  ## the real plan, rehearsed from 2022 to 2025 on the whole stack
	@$(BIN)/duban run $(PLAN)

demo: $(READY)  ## the real plan as it stood on a day of December 2023, open to look around in; Ctrl-C ends it
	@exec $(BIN)/duban demo $(PLAN) --until 2023-12-18

up: $(READY)  ## the stack, until Ctrl-C
	@exec $(BIN)/duban up

test: $(READY) $(AXE)
	$(BIN)/pytest -n 2 --dist loadgroup

test-fast: $(READY)  ## what needs no server, in a minute
	$(BIN)/pytest -n 2 -q -m "not server"

test-other-python: $(READY)  ## the same on a second Python, where there is one
	@other=$$(.ci/other-python $(BIN)/python) || { echo "No second Python from 3.11 to 3.13 on this machine: skipped"; exit 0; }; \
	echo "On $$($$other -V), beside $$($(BIN)/python -V):"; \
	$(MAKE) --no-print-directory VENV=$(OTHER) PYTHON=$$other $(OTHER)/.ready && \
	$(OTHER)/bin/pytest -n 2 -q -m "not server"

floors: pyproject.toml  ## the quick tests with the lowest versions that pyproject.toml allows; needs uv
	uv venv --quiet --clear --python 3.11 $(FLOORS)
	uv pip compile pyproject.toml --extra dev --resolution lowest-direct --python-version 3.11 --no-header --no-annotate \
	    --quiet -o $(FLOORS)/floors.txt
	uv pip install --quiet --python $(FLOORS)/bin/python -r $(FLOORS)/floors.txt
	uv pip install --quiet --python $(FLOORS)/bin/python --no-deps --no-build-isolation -e .
	$(FLOORS)/bin/pytest -n 2 -q --dist loadgroup $(QUICK)

soak: $(READY)  ## kill it at every commit and at random, over 200 times; SOAK='--seed 7' repeats one
	$(BIN)/python -m tests.soak $(SOAK)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) $(OTHERS)  ## reminders at national scale, in about 12 minutes; `make bench ROWS=16400` in one
	$(BIN)/python -m benchmarks $(if $(ROWS),--rows $(ROWS))

bench-portal: $(READY)  ## the portal beside plain programs, in about five minutes; `wrk` makes the better load
	$(BIN)/python -m benchmarks.portal

# Hashes, and no address of an index: it installs from whatever index the machine uses.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header --upgrade -o requirements.lock
	uv pip compile pyproject.toml --extra bench --constraints requirements.lock --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade -o benchmarks/requirements.lock

clean:
	rm -rf .venv $(OTHER) $(FLOORS) tests/node_modules .mypy_cache .ruff_cache .pytest_cache

$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV); this takes about a minute…"
	$(PYTHON) -c 'import sys; sys.exit("Duban needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@sed -n '/^pip==/,/[^\\]$$/p' requirements.lock > $(VENV)/pip.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/pip.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What `make bench` measures itself against. The versions of all else are those of requirements.lock.
$(OTHERS): $(READY) benchmarks/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	@touch $@

# What the browser tests judge the pages with. Without npm they are skipped; in CI they have to run.
$(AXE): tests/package.json tests/package-lock.json
	@if command -v npm >/dev/null; then cd tests && npm ci --ignore-scripts --loglevel=error && touch node_modules/.ready; \
	else echo "npm is missing: the pages' accessibility is not tested"; fi
