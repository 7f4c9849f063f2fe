# The project's own commands. `make demo` and `make test` need nothing that is not here.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PURE := tests/unit/core tests/unit/checks tests/unit/drivers tests/unit/operator/scaffold tests/arch tests/workflows \
	tests/unit/test_graph.py tests/unit/test_catalogue.py tests/unit/test_criteria.py tests/unit/operator/pipeline/test_stages.py

.PHONY: install demo test test-fast check format bench lock clean

install: $(STAMP)

$(STAMP): pyproject.toml requirements/all.txt
	@$(PYTHON) tools/make_venv.py $(VENV) requirements/all.txt
	@touch $(STAMP)

demo: install
	@$(BIN)/l9 demo

# Installs what the end-to-end tests need (asks first on a terminal), then runs everything: the pure rooms
# first, every branch of which is to be covered. The others mostly wait for servers, so that three workers share
# two cores well; in the order of their names, so that the long ones on hosts do not come last.
test: install
	@$(PYTHON) tools/test_host_packages.py $(if $(CI),--yes,) || [ $$? -eq 3 ]
	@$(BIN)/python -m pytest -n 2 $(PURE) --cov --cov-fail-under=100 --cov-report=term-missing:skip-covered
	@$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --durations=25 $(addprefix --ignore=,$(PURE))

# All that needs neither root nor Docker.
test-fast: install
	@$(BIN)/python -m pytest -m "not host and not embedded"

check: install
	@$(BIN)/ruff format --check src tests tools bench examples
	@$(BIN)/ruff check src tests tools bench examples
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/write_graph.py --check
	@$(BIN)/python tools/write_configuration.py --check
	@$(BIN)/python -m bench.page --check

format: install
	@$(BIN)/ruff format src tests tools bench examples
	@$(BIN)/ruff check --fix src tests tools bench examples

bench: install
	@$(BIN)/python -m bench --page

# Locks what `make install` installs: exact versions with hashes, and no address.
lock: install
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
		--extra audit --extra demo --group dev --python-version 3.11 pyproject.toml -o requirements/all.txt

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
