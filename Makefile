# make run    the bot (with DISCORD_TOKEN) or a chat in the terminal      make test   the tests
# make lint   style and types      make bench  speed, as a table          make fix    format      make lock   renew the lock files
# make audit  known vulnerabilities of what the lock files name (asks api.osv.dev for each package)
# make soak   ten minutes of messages, kills and faults, then 200 kills of a process that only stores
.PHONY: run test lint fix bench soak audit lock clean
.DEFAULT_GOAL := run

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

run: .venv/installed
	@$(BIN)/python -m bot run

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed-bench
	$(BIN)/python -m bench $(ARGS)

soak: .venv/installed-dev
	$(BIN)/python -m tests.soak $(ARGS)

# In an environment of its own, which no part of the bot runs in. That nothing could be asked is a failure, too.
audit: .venv/audit/installed
	@.venv/audit/bin/pip-audit --vulnerability-service osv --strict --disable-pip --require-hashes --progress-spinner off \
		-r requirements.txt -r requirements-dev.txt -r requirements-bench.txt -r requirements-audit.txt \
		2> .venv/audit/told; status=$$?; if grep -qE "ConnectionError|Could not connect" .venv/audit/told; \
		then echo "Nothing was audited: the database of known vulnerabilities (api.osv.dev) cannot be reached." >&2; \
		else cat .venv/audit/told >&2; fi; exit $$status

lock: .venv/installed-dev
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --extra bench -c requirements-dev.txt pyproject.toml -o requirements-bench.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --group audit -c requirements-dev.txt -o requirements-audit.txt

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (with venv); found none."; exit 1; }
	@echo "Making a virtual environment in .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/installed: requirements.txt | .venv/bin/python
	@echo "Installing what the bot needs into .venv (once; 113 MB to fetch, 405 MB on disk) ..."
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt pyproject.toml | .venv/bin/python
	@echo "Installing the bot and its development tools into .venv (once) ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-bench: requirements-bench.txt .venv/installed-dev
	@echo "Installing the engines that make bench compares into .venv (once) ..."
	@$(PIP) --require-hashes -r requirements-bench.txt
	@touch $@

.venv/audit/installed: requirements-audit.txt | .venv/bin/python
	@echo "Installing pip-audit into .venv/audit (once) ..."
	@$(BIN)/python -m venv .venv/audit
	@.venv/audit/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-audit.txt
	@touch $@

clean:
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis
