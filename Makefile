# Everything needs only Python ≥ 3.11 and make: each target sets itself up in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT

.DEFAULT_GOAL := help
.PHONY: help run test test-browser check format messages screenshots clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.runtime  ## serve the site on http://127.0.0.1:8000 (HOST=, PORT= to change)
	@settings="$${SETTINGS_COMMON_FILE:-.config_secret/settings_common.json}"; \
	if [ -z "$$IAMPORT_MODE" ]; then \
		if [ -e "$$settings" ]; then IAMPORT_MODE=live; why="$$settings is there"; \
		else IAMPORT_MODE=sandbox; why="there is no $$settings"; fi; \
		echo "Mode: $$IAMPORT_MODE ($$why)"; \
	fi; \
	export IAMPORT_MODE DJANGO_HTTPS="$${DJANGO_HTTPS:-0}"; \
	exec $(BIN)/python django_app/manage.py serve

test: $(VENV)/.dev  ## all tests: SQLite, then money on PostgreSQL, then the browser
	$(BIN)/python .ci/find_browser.py
	$(BIN)/python -m pytest -q -m "not browser"
	$(BIN)/python .ci/with_postgres.py $(BIN)/python -m pytest -q -m "money"
	$(BIN)/python -m pytest -q -m "browser"

test-browser: $(VENV)/.dev  ## only the tests that drive Chromium
	$(BIN)/python -m pytest -q -m "browser"

check: $(VENV)/.dev  ## lint, types, templates, migrations, deploy checks, translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint --check --lint --quiet django_app
	$(BIN)/python django_app/manage.py makemigrations --check --dry-run --settings config.settings_test
	$(BIN)/python django_app/manage.py check --fail-level WARNING --settings config.settings_test
	$(BIN)/python .ci/check_deploy.py
	$(BIN)/python .ci/translations.py --check

format: $(VENV)/.dev  ## let ruff and djLint format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-$(BIN)/djlint --reformat --quiet django_app

messages: $(VENV)/.dev  ## collect new texts into the .po files and compile them
	$(BIN)/python .ci/translations.py

screenshots: $(VENV)/.dev  ## make the pictures of the README from the real pages
	$(BIN)/python -m pytest -q -p no:randomly django_app/billing/tests/screenshots.py

clean:  ## remove .venv and caches; databases and keys stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: Python 3.11 or newer is needed; name it with make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "error: Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing what requirements.txt names …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(BIN)/python
	@echo "Installing what requirements-dev.txt names …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
