# Two commands: `make run` and `make test`. Both begin with `make setup`, which fills .venv once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHECKED := qa embeddings tests benchmarks app.py
# Files of tests are shared out to the cores; the tests of a file stay together, since they share servers and browsers.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: help setup run test test-all torture fuzz audit check lint types imports format clean

help:
	@echo "make run    set up, index the sample pages, open the chat on http://127.0.0.1:7860"
	@echo "make test   set up, all checks, all tests"
	@echo "make setup  fill $(VENV)"

setup: $(VENV)/.installed

# Installed again only when what is wanted changes. Tests and checks want more than running does.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wenbao needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: setup
	$(BIN)/wenbao serve

test: setup check chromium office strace
	$(PYTEST) -m "not slow"

test-all: setup check chromium office strace
	$(PYTEST)

# Thirty-four times the tests that break things, an hour or two: 10,200 kills, 68,000 operations, 5,100 damaged files.
# What they measured goes to docs/promises.json, and from there to docs/promises.md.
torture: $(VENV)/.installed-dev chromium strace
	TORTURE=34 PYTHONPATH=tests $(BIN)/python -m pytest $$(PYTHONPATH=tests $(BIN)/python -m torture.promises --tests) \
	  -p torture.figures --timeout 0; status=$$?; PYTHONPATH=tests $(BIN)/python -m torture.promises && exit $$status

# Each parser on a million inputs that a fuzzer finds by coverage, some hours; RUNS=20000 is some minutes. What it finds
# is kept in build/fuzz, where the next run begins.
RUNS ?= 1000000
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	PYTHONPATH=tests $(BIN)/python -m torture.fuzz --runs $(RUNS) --corpus build/fuzz; status=$$?; \
	  PYTHONPATH=tests $(BIN)/python -m torture.promises && exit $$status

# Each line of the store, the parsers, access and rendering changed in turn: how many changes does a test notice? Hours;
# EVERY=7 tries the tenth of them whose numbers end so.
.PHONY: mutants
mutants: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutants]'
	PYTHONPATH=tests $(BIN)/python -m torture.mutants $(if $(EVERY),--every $(EVERY)); status=$$?; \
	  PYTHONPATH=tests $(BIN)/python -m torture.promises && exit $$status

# Known holes of the code and of the packages, and build/sbom.json. MUST_ASK=1 fails where no advisory service answers.
# ADVISORIES=, a checkout of pypa/advisory-database, stands in for it; with RULES=, one of semgrep/semgrep-rules, semgrep
# looks too, from an environment of its own, since it wants other versions of what the product uses.
SEMGREP := build/semgrep
audit: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[audit]'
	$(if $(RULES),test -x $(SEMGREP)/bin/semgrep || $(PYTHON) -m venv $(SEMGREP) && $(SEMGREP)/bin/pip install --quiet semgrep)
	$(BIN)/python tests/audit.py $(if $(MUST_ASK),--must-ask) $(if $(ADVISORIES),--advisories '$(ADVISORIES)') \
	  $(if $(RULES),--rules '$(RULES)' --semgrep $(SEMGREP)/bin/semgrep)

# The tests of the Milvus engine, against milvus-lite: 200 MB that nothing else needs, 170 of them pyarrow.
.PHONY: milvus
milvus: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[milvus-test]'
	$(BIN)/python -m pytest tests/test_milvus.py tests/test_engine_settings.py

# The tests of indexing on a Ray cluster and of Parquet tables: 450 MB that nothing else needs.
.PHONY: ray
ray: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ray]'
	$(BIN)/python -m pytest tests/test_bulk.py tests/test_reading_parquet.py

# Which lines and branches of the store, the parsers, access and rendering the tests of these run, some ten minutes.
COVERING := tests/test_access.py tests/test_access_cli.py tests/test_access_values.py tests/test_backup.py \
  tests/test_batch.py tests/test_batch_bad_inputs.py tests/test_batch_columns.py tests/test_batch_delimited.py \
  tests/test_batch_jobs.py tests/test_batch_jsonl.py tests/test_batch_preview.py tests/test_batch_workbooks.py \
  tests/test_cli.py tests/test_config.py tests/test_config_values.py tests/test_credentials.py tests/test_dates.py \
  tests/test_desk_articles_api.py tests/test_desk_uploads.py tests/test_engine_settings.py \
  tests/test_filter_patterns.py tests/test_filters.py tests/test_generate_chat.py tests/test_generations.py \
  tests/test_indexing.py tests/test_migrations.py tests/test_pack.py tests/test_pack_form.py tests/test_reading.py \
  tests/test_reading_aside.py tests/test_reading_bad_inputs.py tests/test_reading_messages.py \
  tests/test_reading_parquet.py tests/test_salvage.py tests/test_sqlite.py tests/test_sqlite_messages.py \
  tests/test_store.py tests/test_store_bad_inputs.py tests/test_store_values.py tests/test_web_api.py \
  tests/test_web_bad_inputs.py tests/test_web_chat.py tests/test_web_connections.py tests/test_web_guard.py \
  tests/test_web_history.py tests/test_web_limits.py tests/test_web_panels.py tests/test_web_render.py \
  tests/test_web_routes.py tests/test_widget_api.py
.PHONY: coverage
coverage: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[coverage,parquet]'
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(COVERING)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
	PYTHONPATH=tests $(BIN)/python -m torture.covered $$($(BIN)/python -m coverage report --format=total); status=$$?; \
	  PYTHONPATH=tests $(BIN)/python -m torture.promises && exit $$status

check: lint types imports

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

# The browser tests want Chromium and a Chinese font; where they can't be installed, those tests skip and say so.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } \
	  || echo "Chromium isn't here and can't be installed: the browser tests will be skipped."

# The tests of workbooks hold ours against LibreOffice's; without it, those tests skip and say so.
.PHONY: office
office:
	@command -v soffice >/dev/null 2>&1 || command -v libreoffice >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends libreoffice-calc-nogui fonts-noto-cjk; } \
	  || echo "LibreOffice isn't here and can't be installed: its tests will be skipped."

# The tests that fail or kill each call to the disk want strace; without it, they skip and say so.
.PHONY: strace
strace:
	@command -v strace >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends strace; } \
	  || echo "strace isn't here and can't be installed: its tests will be skipped."

# The examples in deploy/ are tried for real where these are.
.PHONY: nginx
nginx:
	@command -v nginx >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light caddy openssl; } \
	  || echo "nginx isn't here and can't be installed: its tests will be skipped."

clean:
	rm -rf $(VENV) build dist mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
