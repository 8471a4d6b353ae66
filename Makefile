# Two commands do everything on a machine with Python 3.11+, make, npm and a network: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
OTHERS := .venv/.others
AXE := tests/node_modules/.ready
PLAN := plans/northwest-education-centre

.PHONY: run up test soak check format bench bench-portal lock clean

run: $(READY)  ## the real plan, rehearsed from 2022 to 2025 on the whole stack
	@$(BIN)/duban run $(PLAN)

up: $(READY)  ## the stack, until Ctrl-C
	@exec $(BIN)/duban up

test: $(READY) $(AXE)
	$(BIN)/pytest -n 2 --dist loadgroup

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
	rm -rf .venv tests/node_modules .mypy_cache .ruff_cache .pytest_cache

$(READY): requirements.lock pyproject.toml
	@echo "Setting up .venv; this takes about a minute…"
	$(PYTHON) -c 'import sys; sys.exit("Duban needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	@sed -n '/^pip==/,/[^\\]$$/p' requirements.lock > .venv/pip.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/pip.lock
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
