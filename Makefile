# pophealth: every check and every claim as one command.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help setup system demo test lint lock clean

help:            ## what can be done here
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

setup: $(STAMP)  ## prepare .venv from the hashed lock file
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

lock:            ## write requirements.lock anew (versions and hashes, no host names); needs uv
	uv pip compile --quiet --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock

demo: setup      ## three synthetic networks of 40,000 people, the whole line; says where to look
	$(BIN)/pophealth demo --out demo

test: setup      ## every test that needs nothing else
	$(BIN)/python -m pytest

lint: setup      ## ruff and mypy --strict
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

system:          ## install the Debian packages that the remaining tests need
	@if [ -n "$(strip $(DEBIAN))" ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $(DEBIAN); \
	else echo "no test needs a Debian package yet"; fi

real: setup      ## the real-input run: both public data sets, from extract to verified delivery
	bash pipelines/real-input $(BIN)/pophealth

clean:           ## remove what demo and real wrote
	rm -rf demo build
