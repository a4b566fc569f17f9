# make run    a sample hospital day through a real queue; needs nothing installed beforehand on Debian 12
# make test   every check and every test
# make bench  every measurement of docs/speed.md, about half an hour
# make soak   the long fault runs of docs/reliability.md
# make fuzz   coverage-guided hostile input; a find is kept in tests/fuzz/cases
# make sbom   build/sbom.cdx.json: what is installed, as CycloneDX
# make audit-dependencies   asks an advisory source about every dependency; fails where it cannot
# make lint   the checks without the tests
# make venv   .venv with everything in it, that of the tests too;  make clean  without it again

PYTHON := $(shell for candidate in python3.11 python3; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$candidate; break; }; done)
BIN := .venv/bin
RUNS := .venv/.runs
INSTALLED := .venv/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := run
.PHONY: run test bench soak fuzz sbom audit-dependencies lint venv clean prepare
.DELETE_ON_ERROR:

run: prepare $(RUNS)
	@$(BIN)/python -m tests.sample_day.demo

test: lint
	@$(BIN)/pytest --quiet --numprocesses=4 --dist=loadfile --no-loadscope-reorder

bench: venv
	@$(BIN)/python -m tests.bench

sbom: venv
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file build/sbom.cdx.json .venv

audit-dependencies: venv
	@$(BIN)/python -m tests.supply.dependencies

soak: venv
	@$(BIN)/python -m tests.soak

fuzz: venv
	@$(BIN)/python -m pip install -qq --editable '.[fuzz]'
	@$(BIN)/python -m tests.fuzz

lint: venv
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --diff --quiet
	@$(BIN)/mypy --no-error-summary
	@broken=$$($(BIN)/lint-imports --no-logo) || { echo "$$broken"; exit 1; }
	@$(BIN)/azawatch rules check
	@$(BIN)/azawatch mappings check

venv: prepare $(INSTALLED)

prepare:
	@.ci/prepare

# An editable installation follows the code by itself; only new dependencies need another one.
$(RUNS): pyproject.toml | prepare
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(or $(PYTHON),python3) -m venv --clear .venv
	@echo "installing azawatch and its dependencies into .venv"
	@$(BIN)/python -m pip install -qq --editable .
	@touch $@

$(INSTALLED): $(RUNS)
	@echo "installing what the tests need into .venv"
	@$(BIN)/python -m pip install -qq --editable '.[dev]'
	@touch $@

clean:
	@rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find engine tests -name __pycache__ -type d -prune -exec rm -rf {} +
