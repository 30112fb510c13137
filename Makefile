# One door for everything. `make` alone lists the targets.
PYTHON ?= python3
# not ?=, for in WSL every environment has a NAME
NAME := default
JOBS ?= 0
OUT ?=
OPTIMIZER ?=
DATA ?=
TARGET ?=
ARGS ?=
PORT ?= 8080
CALIBRATE ?= full

VENV := .venv
RUN := "$$VENV/bin/python"
PEERS := .venv-peers
PUBLIC := dlopt datasets studies.question.study studies.question.arm studies.runner studies.question.user_optimizer studies.catalog
READY := $(subst $() $(),\ ,$(VENV))/.ready

# What is given reaches the shell by the environment, as it was typed: pasted into a recipe, quotes, dollars
# and blanks would be read by make and by the shell. ARGS alone is meant as words of the shell.
GIVEN := PYTHON VENV NAME JOBS OUT OPTIMIZER DATA TARGET ARGS PORT CALIBRATE
TYPED := $(foreach one,$(GIVEN),$(if $(findstring command,$(origin $(one))),$(one)))
$(foreach one,$(GIVEN),$(eval override $(one) := $$(value $(one))))
export $(GIVEN)

# one optimizer, whose file may have blanks in its name, or several
OPTIMIZERS = set --; if [ -e "$$OPTIMIZER" ] || [ -e "$${OPTIMIZER%:*}" ]; then set -- --optimizer="$$OPTIMIZER"; \
	else set -f; for one in $$OPTIMIZER; do set -- "$$@" --optimizer="$$one"; done; set +f; fi
STUDY = -m studies run $${NAME:+"$$NAME"} --jobs="$$JOBS" $${OUT:+--out="$$OUT"} $${DATA:+--data="$$DATA"} \
	$${TARGET:+--target="$$TARGET"} "$$@" $(ARGS)

# some tests call make, and what was given here is not meant for them
TEST = env -u MAKEFLAGS -u MAKELEVEL -u ARGS OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -q

.PHONY: help setup study report dashboard docs test test-slow test-peers calibrate bench lint clean
.DEFAULT_GOAL := help

help: ## list the targets
	@echo "make TARGET [NAME=study] [OPTIMIZER=file.py] [DATA=table.csv TARGET=column] [JOBS=processes] [OUT=folder] [ARGS='...']"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY) ## make .venv with everything the suite needs

$(READY): pyproject.toml uv.lock uv.requirements.txt
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "dlopt needs Python 3.11 or newer, and $$PYTHON is `"$$PYTHON" --version 2>/dev/null || echo missing`." >&2; \
	  echo "Name a newer one: make setup PYTHON=python3.12" >&2; exit 2; }
	@"$$PYTHON" -c 'import fcntl' 2>/dev/null || { \
	  echo "dlopt runs on Linux and macOS, and $$PYTHON lacks their fcntl module." >&2; \
	  echo "On Windows, work inside WSL, with the Python there." >&2; exit 2; }
	@"$$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$$PYTHON lacks its venv module." >&2; \
	  echo "Install it (Debian: apt-get install python3-venv), or name another: make setup PYTHON=..." >&2; exit 2; }
	@test -w . || { echo "This folder cannot be written to, and .venv belongs in it." >&2; \
	  echo "Copy the checkout to a folder of yours." >&2; exit 2; }
	@test -x $(RUN) || "$$PYTHON" -m venv "$$VENV"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r uv.requirements.txt
	@VIRTUAL_ENV= UV_PYTHON_DOWNLOADS=never "$$VENV/bin/uv" sync --quiet --locked --inexact
	@$(RUN) -c 'from dlopt.engine import missing; missing()' 2>/dev/null || : # compiled once, for all that follows
	@touch '$@'

study: $(READY) ## run a study (or go on with it), then write its page; the default one with the claims
	@$(OPTIMIZERS); exec $(RUN) $(STUDY) --parent=$$PPID --typed="$(TYPED)" --report

report: $(READY) ## write the page of a run again
	@$(OPTIMIZERS); folder=$$($(RUN) $(STUDY) --where) || exit $$?; \
	set -- "$$folder"; page=$$folder/report.html; \
	if [ "$$folder" = runs/default ]; then \
	  page=runs/report.html; [ ! -d runs/claims/tables ] || set -- "$$folder" runs/claims; \
	fi; \
	$(RUN) -m reports "$$@" -o "$$page"

dashboard: $(READY) ## look at a run in optuna-dashboard, on this machine only
	@$(RUN) -c 'import os, socket; socket.create_server(("127.0.0.1", int(os.environ["PORT"]))).close()' 2>/dev/null || { \
	  echo "Port $$PORT is taken, or is none." >&2; \
	  echo "Choose another: make dashboard PORT=8081" >&2; exit 2; }
	@$(OPTIMIZERS); folder=$$($(RUN) $(STUDY) --where) || exit $$?; \
	$(RUN) -m studies mirror "$$folder" && \
	"$$VENV/bin/optuna-dashboard" "$$folder/optuna.journal" --host 127.0.0.1 --port "$$PORT"

test: $(READY) ## the tests, in at most five minutes
	@$(TEST) -n auto --dist loadfile $(ARGS)

test-slow: $(READY) ## the tests that take longer
	@$(TEST) -n auto --dist worksteal -m slow --durations=15 $(ARGS)

docs: $(READY) ## the API's pages from its docstrings, in build/api
	@$(RUN) -W ignore -m pdoc --docformat restructuredtext -o build/api $(PUBLIC) && echo build/api/index.html

test-peers: $(PEERS)/.ready ## what is taken home, beside PyTorch and optax; types, by Pyright
	@$(PEERS)/bin/python -m pytest -q tests/peers $(ARGS)

calibrate: $(READY) ## studies of equal things, which must not be called different (CALIBRATE=small: a minute)
	@$(RUN) -m studies calibrate $${CALIBRATE:+"$$CALIBRATE"} --jobs="$$JOBS" $(ARGS)

bench: $(PEERS)/.ready ## ours beside PyTorch, JAX and scikit-learn, in about an hour
	@$(PEERS)/bin/python -m tests.bench $(ARGS)

$(PEERS)/.ready: $(READY) tests/peers/requirements.txt tests/peers/install.py
	@$(RUN) tests/peers/install.py $(PEERS)
	@touch $@

lint: $(READY) ## ruff and mypy
	@"$$VENV/bin/ruff" check .
	@"$$VENV/bin/ruff" format --check .
	@"$$VENV/bin/mypy"

clean: ## remove caches, .venv and .venv-peers; runs/ stays
	@rm -rf "$$VENV" $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
	@find dlopt studies datasets reports tests -name __pycache__ -prune -exec rm -rf {} +
