# Two commands to know: `make demo` shows Broadsheet at work, `make test` checks all of it.
# Everything is installed into .venv beside this file; nothing outside it is touched, but that
# `make test`, run as root on Debian or Ubuntu, installs the packages named in .ci/packages.

.POSIX:
.NOTPARALLEL:
.PHONY: help demo test check kill-test bench docs pictures constraints clean

BIN = .venv/bin
PYTEST = $(BIN)/python -m pytest
KILLS = 1000

# A stamp is written last, so an interrupted installation is simply done again.
USE = .venv/.installed
WORK = .venv/.installed-test

help:
	@echo 'make demo          publish the sample newsletter to a folder of this checkout'
	@echo 'make test          style, types, layers and every test, browser included'
	@echo 'make check         the same with the fast tests only; run it before you commit'
	@echo 'make kill-test     kill the sender KILLS=1000 times and count who got what'
	@echo 'make bench         measure commands and sending, and write docs/benchmarks.md'
	@echo 'make docs          write the reference pages that follow from the code'
	@echo 'make pictures      take the pictures in docs/pictures (needs chromium)'
	@echo 'make constraints   pin the newest versions that pyproject.toml allows'
	@echo 'make clean         remove .venv and what tools left behind'
	@echo
	@echo 'PYTHON=python3.12 make ... chooses the Python of a new .venv (3.11 or newer).'

demo: $(USE)
	@echo 'Running the demonstration'
	@$(BIN)/broadsheet demo

test: $(WORK) lint
	@sh .ci/packages
	@echo 'Tests: every group'
	@$(PYTEST) -m '' -n 2 --dist worksteal

check: $(WORK) lint
	@echo 'Tests: the fast ones (make test runs all)'
	@$(PYTEST) -n 2

.PHONY: lint
lint: $(WORK)
	@echo 'Style: ruff check, ruff format'
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@echo 'Types: mypy'
	@$(BIN)/mypy --no-error-summary
	@echo 'Layers: lint-imports'
	@$(BIN)/lint-imports --no-logo

kill-test: $(WORK)
	@sh .ci/packages
	@echo 'Killing the sender $(KILLS) times'
	@KILLS=$(KILLS) $(PYTEST) -m integration --log-cli-level=INFO tests/integration/test_kill.py

bench: $(WORK)
	@sh .ci/packages
	@echo 'Measuring; leave the machine alone for half an hour'
	@$(BIN)/python tests/bench/build.py
	@$(BIN)/python tests/bench/rebuild.py
	@$(BIN)/python tests/bench/saves.py
	@$(BIN)/python tests/bench/archive.py
	@$(BIN)/python tests/bench/send.py
	@$(BIN)/python tests/bench/people.py
	@$(BIN)/python tests/bench/load.py

docs: $(WORK)
	@echo 'Writing docs/diagnostics.md, docs/settings.md and docs/doctor.md'
	@$(BIN)/python tests/docs/reference.py
	@$(BIN)/python tests/docs/doctor_page.py

pictures: $(WORK)
	@echo 'Taking the pictures of the sample issues'
	@$(BIN)/python -m tests.docs.pictures

constraints:
	@echo 'Resolving the newest allowed versions in a scratch environment'
	@sh .ci/constraints
	@echo 'constraints.txt is written; read the difference, then: make test'

clean:
	@echo 'Removing .venv and caches; issues, outbox and data stay'
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(USE): pyproject.toml constraints.txt
	@sh .ci/environment
	@touch $@

$(WORK): pyproject.toml constraints.txt
	@sh .ci/environment test
	@touch $(USE) $@
