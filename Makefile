# Everything needs only Python ≥ 3.11 and make: each target sets itself up in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9
HOST ?= 127.0.0.1
PORT ?= 8000
PART ?= table
JOBS ?= 2
export HOST PORT

.DEFAULT_GOAL := help
.PHONY: help run test test-browser test-browser-all test-thorough check typings conformance bench bench-peers bench-sandbox bench-reconcile mutants test-long format messages settings wheel migrate lock screenshots clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.runtime  ## serve the site on http://127.0.0.1:8000 (HOST=, PORT= to change)
	@settings="$${SETTINGS_COMMON_FILE:-.config_secret/settings_common.json}"; \
	if [ -z "$$IAMPORT_MODE" ]; then \
		if [ -e "$$settings" ] || [ -n "$$SETTINGS_COMMON_FILE" ]; then IAMPORT_MODE=live; why="its keys are in $$settings"; \
		else IAMPORT_MODE=sandbox; why="there is no $$settings"; fi; \
		echo "Mode: $$IAMPORT_MODE ($$why)"; \
	fi; \
	case "$$HOST" in 127.*|localhost|::1) \
		DJANGO_HTTPS="$${DJANGO_HTTPS:-0}"; export DJANGO_HTTPS; \
		if [ "$$IAMPORT_MODE" = live ] && [ -z "$$DATABASE_URL" ]; then \
			DATABASE_URL=sqlite:///var/live.sqlite3; export DATABASE_URL; \
			echo "Database: var/live.sqlite3 (set DATABASE_URL=$$DATABASE_URL for other commands, too)"; \
		fi;; \
	esac; \
	export IAMPORT_MODE; \
	exec $(BIN)/python django_app/manage.py serve

test: $(VENV)/.dev  ## the tests: everything on SQLite, the browser too, then money on PostgreSQL
	$(BIN)/python .ci/find_browser.py
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not thorough"
	LIVES_STEPS=$${LIVES_STEPS:-1000} $(BIN)/python .ci/with_postgres.py $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "money and not thorough"

test-browser: $(VENV)/.dev  ## only the tests that drive Chromium
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "browser and not thorough"

test-browser-all: $(VENV)/.dev  ## all of them in both widths and languages, every page and state judged by axe-core, the sandbox's window and panel
	BROWSER_ALL=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "browser"

test-thorough: $(VENV)/.dev  ## what takes long and needs no browser: servers of several processes, a project's own user model, more random lives
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "thorough and not browser"
	$(BIN)/python .ci/with_postgres.py $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "thorough and money and not browser"

check: $(VENV)/.dev  ## lint, types, templates, migrations, deploy checks, translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint --check --lint --quiet django_app
	$(BIN)/python django_app/manage.py makemigrations --check --dry-run --settings config.settings.test
	$(BIN)/python django_app/manage.py check --fail-level WARNING --settings config.settings.test
	$(BIN)/python .ci/check_deploy.py
	$(BIN)/python .ci/translations.py --check
	$(BIN)/python .ci/settings_table.py --check
	$(BIN)/python .ci/mutants.py --list >/dev/null

typings:  ## the sandbox's window.IMP against its public TypeScript types; needs Node
	@.ci/typings/run

conformance: $(VENV)/.dev  ## the vendor's Python client, both releases, against the stand-alone sandbox
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target "$$folder" iamport-rest-client==0.9.0 && \
	$(BIN)/python -m pytest -q django_app/billing_sandbox/tests/test_conformance.py && \
	IAMPORT_CLIENT_DIR="$$folder" $(BIN)/python -m pytest -q django_app/billing_sandbox/tests/test_conformance.py

bench: $(VENV)/.dev  ## pages of the back office with 1,000 and 1,000,000 transactions in PostgreSQL, exports, the audit
	$(BIN)/python .ci/bench.py

bench-peers: | $(BIN)/python  ## the road of money beside django-payments and dj-stripe (PART=table; also latency, growth, cpu, start, profile)
	$(BIN)/python .ci/bench_peers.py $(PART) $(ARGS)

bench-sandbox: $(VENV)/.dev  ## start-up time and requests per second of the stand-alone sandbox; needs Node
	$(BIN)/python .ci/bench_sandbox.py

bench-reconcile: $(VENV)/.runtime  ## calls and peak memory of reconcile over 1,000 and 10,000 open transactions
	$(BIN)/python .ci/bench_reconcile.py

mutants: $(VENV)/.dev  ## plant known bugs, one at a time: the tests must catch each; about an hour
	$(BIN)/python .ci/mutants.py --jobs $(JOBS)

test-long: $(VENV)/.dev  ## 100,000 steps of random lives, other ones each time; about an hour
	LIVES_STEPS=100000 LIVES_SEED=$${LIVES_SEED:-$$(date +%s)} $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -s django_app/billing/tests/test_lives.py

format: $(VENV)/.dev  ## let ruff and djLint format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-$(BIN)/djlint --reformat --quiet django_app

messages: $(VENV)/.dev  ## collect new texts into the .po files and compile them
	$(BIN)/python .ci/translations.py

# uv lives in a folder of its own while it works. It keeps the versions that it finds in a lock, as far as the pins let it: so the
# largest lock comes first, and the others begin as its copies.
lock: | $(BIN)/python  ## renew requirements*.lock after a change in requirements*.txt (UPGRADE=1: also what lies beneath)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target "$$folder" $(UV) && \
	compile() { "$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --annotation-style line \
		--custom-compile-command "make lock" --output-file $$1.lock $$1.txt $$2; } && \
	compile requirements-dev $(if $(UPGRADE),--upgrade) && \
	for name in requirements-live requirements; do cp requirements-dev.lock $$name.lock && compile $$name || exit 1; done

settings: $(VENV)/.dev  ## make the table of settings in docs/install.md
	$(BIN)/python .ci/settings_table.py

wheel: $(VENV)/.dev  ## dist/django_iamport_points-….whl, for a project of your own (docs/install.md)
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

migrate: $(VENV)/.runtime  ## bring the database of this site up to date: tables, then our indexes on other apps' tables
	$(BIN)/python django_app/manage.py migrate
	$(BIN)/python django_app/manage.py billing_indexes

screenshots: $(VENV)/.dev  ## make the pictures of README and docs from the real pages
	$(BIN)/python -m pytest -q -p no:randomly django_app/billing/tests/support/screenshots.py django_app/billing_office/tests/support/screenshots_admin.py

clean:  ## remove .venv and caches; databases and keys stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: Python 3.11 or newer is needed; name it with make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "error: Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "error: $(VENV) could not be made" >&2; exit 1; }

# Exactly what the lock names, each file of it compared with its hash.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing what requirements.lock names …"
	@$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(BIN)/python
	@echo "Installing what requirements-dev.lock names …"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime
