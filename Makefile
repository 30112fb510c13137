# One door for everything. `make` alone lists the targets.
PYTHON ?= python3
NAME ?= default
JOBS ?= 0
OUT ?=
OPTIMIZER ?=
DATA ?=
TARGET ?=
ARGS ?=
PORT ?= 8080
CALIBRATE ?= full

VENV := .venv
RUN := $(VENV)/bin/python
PEERS := .venv-peers
PUBLIC := dlopt datasets studies.protocol studies.arms studies.runner studies.own studies.catalog
READY := $(VENV)/.ready
STUDY := -m studies run $(NAME) --jobs $(JOBS) $(if $(OUT),--out '$(OUT)') $(if $(DATA),--data '$(DATA)') $(if $(TARGET),--target '$(TARGET)') $(foreach one,$(OPTIMIZER),--optimizer '$(one)') $(ARGS)

.PHONY: help setup study report dashboard docs test test-slow test-peers calibrate bench lint clean
.DEFAULT_GOAL := help

help: ## list the targets
	@echo "make TARGET [NAME=study] [OPTIMIZER=file.py] [DATA=table.csv TARGET=column] [JOBS=processes] [OUT=folder] [ARGS='...']"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY) ## make .venv with everything the suite needs

$(READY): pyproject.toml uv.lock uv.requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "dlopt needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>/dev/null || echo missing`." >&2; \
	  echo "Name a newer one: make setup PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) lacks its venv module." >&2; \
	  echo "Install it (Debian: apt-get install python3-venv), or name another: make setup PYTHON=..." >&2; exit 2; }
	@test -w . || { echo "This folder cannot be written to, and .venv belongs in it." >&2; \
	  echo "Copy the checkout to a folder of yours." >&2; exit 2; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r uv.requirements.txt
	@VIRTUAL_ENV= UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv sync --quiet --locked --inexact
	@touch $@

study: export AGAIN = make $(MAKECMDGOALS) $(MAKEOVERRIDES)
study: $(READY) ## run a study (or go on with it), then write its page; the default one with the claims
	@trap : INT; $(RUN) $(STUDY) --report; code=$$?; \
	[ $$code -ne 130 ] || echo "Or with: $$AGAIN" >&2; \
	exit $$code

report: $(READY) ## write the page of a run again
	@folder=$$($(RUN) $(STUDY) --where) || exit $$?; \
	set -- "$$folder"; page=$$folder/report.html; \
	if [ "$$folder" = runs/default ]; then \
	  page=runs/report.html; [ ! -d runs/claims/tables ] || set -- "$$folder" runs/claims; \
	fi; \
	$(RUN) -m reports "$$@" -o "$$page"

dashboard: $(READY) ## look at a run in optuna-dashboard, on this machine only
	@$(RUN) -c 'import socket; socket.create_server(("127.0.0.1", int("$(PORT)"))).close()' 2>/dev/null || { \
	  echo "Port $(PORT) is taken, or is none." >&2; \
	  echo "Choose another: make dashboard PORT=8081" >&2; exit 2; }
	@folder=$$($(RUN) $(STUDY) --where) || exit $$?; \
	$(RUN) -m studies mirror "$$folder" && \
	$(VENV)/bin/optuna-dashboard "$$folder/optuna.journal" --host 127.0.0.1 --port $(PORT)

test: $(READY) ## the tests, in at most five minutes
	@OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -q -n auto $(ARGS)

test-slow: $(READY) ## the tests that take longer
	@OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -q -m slow $(ARGS)

docs: $(READY) ## the API's pages from its docstrings, in build/api
	@$(RUN) -W ignore -m pdoc --docformat restructuredtext -o build/api $(PUBLIC) && echo build/api/index.html

test-peers: $(PEERS)/.ready ## what is taken home, beside PyTorch and optax
	@$(PEERS)/bin/python -m pytest -q tests/peers $(ARGS)

calibrate: $(READY) ## studies of equal things, which must not be called different (CALIBRATE=small: a minute)
	@$(RUN) -m studies calibrate $(CALIBRATE) --jobs $(JOBS) $(ARGS)

bench: $(PEERS)/.ready ## ours beside PyTorch, JAX and scikit-learn, in about 40 minutes
	@$(PEERS)/bin/python -m tests.bench $(ARGS)

$(PEERS)/.ready: $(READY) tests/peers/requirements.txt tests/peers/install.py
	@$(RUN) tests/peers/install.py $(PEERS)
	@touch $@

lint: $(READY) ## ruff and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

clean: ## remove caches, .venv and .venv-peers; runs/ stays
	@rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
	@find dlopt studies datasets reports tests -name __pycache__ -prune -exec rm -rf {} +
