# make serve     the server on port 8080; PORT=8081 and ARGS="--seed 7 --log-level debug" change it
# make test      linters, types and every test; ARGS="-k models" narrows the tests
# make lint      ruff and mypy alone
# make coverage  fails where a branch of model, events, engine or providers is not tested
# make bench     measures this server beside aimock and nginx
# make fidelity  runs the vendors' own test suites against this server and writes docs/fidelity.md
# make clean     removes what the others have installed or cached

PYTHON ?= python3
PORT   ?= 8080
ARGS   ?=

VENV    := .venv
VENVS   := .cache/venvs
AUTOGEN := autogen_0_2 autogen_0_7

# Whatever gets installed leaves a stamp in its own folder, named after the content of the files that
# ask for it: nothing is installed twice, and a moved pin or a moved checkout installs anew.
key = $(shell (pwd; cat $(1)) | cksum | cut -d' ' -f1)

SERVE_READY   := $(VENV)/.serve-$(call key,pyproject.toml constraints.txt)
DEV_READY     := $(VENV)/.dev-$(call key,pyproject.toml constraints.txt)
NEWMAN_READY  := postman/node_modules/.ready-$(call key,postman/package.json postman/package-lock.json)
AIMOCK_READY  := bench/node_modules/.ready-$(call key,bench/package.json)
SDK_READY     := tests/sdk/node/node_modules/.ready-$(call key,tests/sdk/node/package.json)
AUTOGEN_READY := $(foreach name,$(AUTOGEN),\
	$(VENVS)/$(name)/.ready-$(call key,examples/$(name)/requirements.txt examples/$(name)/constraints.txt))

PIP_INSTALL := bin/python -m pip install --quiet --disable-pip-version-check
NPM_FLAGS   := --no-audit --no-fund --loglevel=error

# $(call need,COMMAND,DEBIAN PACKAGES) runs COMMAND; where it fails, installs the packages or says so.
need = { $(1); } >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2); } \
	|| { echo "missing, run as root: apt-get install $(2)" >&2; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: help serve test lint coverage bench fidelity clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

serve: $(SERVE_READY)
	@exec $(VENV)/bin/python -m understudy serve --port $(PORT) $(ARGS)

test: lint $(AUTOGEN_READY) $(NEWMAN_READY) $(AIMOCK_READY) $(SDK_READY)
	$(VENV)/bin/python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(DEV_READY)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

bench: export PATH := $(PATH):/usr/sbin
COVERED := src/understudy/model.py,src/understudy/events.py,src/understudy/engine.py,src/understudy/providers/*

coverage: $(DEV_READY)
	$(VENV)/bin/coverage run -m pytest tests --ignore tests/examples --ignore tests/postman --ignore tests/setup \
		--ignore tests/checks/test_aimock.py --ignore tests/sdk/test_retries_node.py \
		--ignore tests/sdk/test_vercel_ai.py
	$(VENV)/bin/coverage report --include='$(COVERED)' --fail-under=100

bench: $(SERVE_READY) $(AIMOCK_READY)
	@$(call need,command -v nginx && command -v wrk,nginx-light wrk)
	$(VENV)/bin/python bench/run.py $(ARGS)

fidelity: $(SERVE_READY)
	$(VENV)/bin/python scripts/fidelity.py

clean:
	rm -rf $(VENV) .cache build dist src/*.egg-info postman/node_modules bench/node_modules tests/sdk/node/node_modules
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find src tests bench examples -name __pycache__ -type d -exec rm -rf {} +

%/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed; no $(PYTHON) was found" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, \
	$(PYTHON) is %d.%d; name another one: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@$(call need,$(PYTHON) -c "import ensurepip",python3-venv)
	$(PYTHON) -m venv $*

$(SERVE_READY): $(VENV)/bin/python
	$(VENV)/$(PIP_INSTALL) -c constraints.txt -e .
	@touch $@

$(DEV_READY): $(VENV)/bin/python
	$(VENV)/$(PIP_INSTALL) -c constraints.txt -e '.[dev]'
	@touch $@ $(SERVE_READY)

$(AUTOGEN_READY): $$(@D)/bin/python
	$(@D)/$(PIP_INSTALL) -r examples/$(notdir $(@D))/requirements.txt
	@touch $@

$(NEWMAN_READY) $(AIMOCK_READY) $(SDK_READY): folder = $(patsubst %/node_modules/,%,$(@D)/)
$(NEWMAN_READY) $(AIMOCK_READY) $(SDK_READY):
	@command -v npm >/dev/null || { echo "Node 20 or newer with npm is needed" >&2; exit 1; }
	npm $(if $(wildcard $(folder)/package-lock.json),ci,install --no-package-lock) --prefix $(folder) $(NPM_FLAGS)
	@touch $@
