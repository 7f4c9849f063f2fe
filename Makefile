# The project's own commands. `make demo` and `make test` need nothing that is not here.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PURE := tests/unit/core tests/unit/checks tests/unit/drivers tests/unit/operator/scaffold tests/arch tests/workflows \
	tests/unit/test_graph.py tests/unit/test_catalogue.py tests/unit/test_criteria.py tests/unit/operator/pipeline/test_stages.py

.PHONY: install demo test test-fast standby check format bench faults faults-all endurance model mutants lock clean

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

# Servers as people run them, on standby for a minute, then rolled back under load: 20 times each, side by side.
standby: install
	@cd tests && ../$(BIN)/python -m standby

bench: install
	@$(BIN)/python -m bench --page

# The matrix of faults: each at each phase, on two hosts side by side; cells of this commit that are kept are not run
# again. `faults-all`: each at every state, in shards that may be ended and gone on with (FAULTS=--shard=1/8).
# FAULTS="--round-trip=0.08 --results=build/far" puts the host 80 ms away.
faults: install
	@cd tests && ../$(BIN)/python -m faults --hosts=2 --seeds --page --results=../build/faults $(FAULTS)

faults-all: install
	@cd tests && ../$(BIN)/python -m faults --all --results=../build/faults-all $(FAULTS)

# A hundred deploys and rollbacks under load: no request may fail.
endurance: install
	@cd tests && ../$(BIN)/python -m faults.endurance

# The model: 10,000 examples of everything that can break, in any order, in shards; SEED begins their seeds.
SEED ?= $(shell date +%Y%m%d)
model: install
	@seq 1 8 | xargs -P 2 -I{} env HYPOTHESIS_PROFILE=model L9_MODEL_EXAMPLES=1250 timeout 1500 $(BIN)/python -m pytest -q \
		-p no:cacheprovider --hypothesis-seed=$(SEED){} --hypothesis-show-statistics \
		tests/properties/test_any_order_of_faults.py

# Mutation testing of what decides; goes on where an earlier run was ended.
mutants: install
	@$(BIN)/python tools/mutants $(MUTANTS)

# Locks what `make install` installs: exact versions with hashes, and no address.
lock: install
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
		--extra audit --extra demo --group dev --python-version 3.11 pyproject.toml -o requirements/all.txt

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
