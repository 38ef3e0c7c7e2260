# pophealth: every check and every claim as one command.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Chromium shows the pages, LibreOffice converts the workbook, PostgreSQL holds a registry, Java runs Spark.
DEBIAN := chromium fonts-dejavu-core libreoffice-calc-nogui postgresql openjdk-17-jre-headless

.PHONY: help setup system demo test test-long lint lock real faults clean \
	bench-line bench-core bench-ingest bench-eval bench-scores bench-generator bench-scale bench-bounds bench-peers \
	bench-unlike bench-spark bench-pages bench-training screens

help:            ## what can be done here
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

setup: $(STAMP)  ## prepare .venv from the hashed lock file
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c "from pophealth.features import warm_up; warm_up()"
	touch $(STAMP)

lock:            ## write requirements.lock anew (versions and hashes, no host names); needs uv
	uv pip compile --quiet --python-version 3.11 --extra dev --extra spark --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock

demo: setup      ## three synthetic networks of 40,000 people, the whole line; says where to look
	$(BIN)/pophealth demo --out demo

test: setup      ## every test that needs nothing else (and those that `make system` adds)
	$(BIN)/python -m pytest -n 2 -m "not long"

test-long: setup ## the tests that take minutes: Spark, Chromium, the real input
	$(BIN)/python -m pytest -n 2 -m long

lint: setup      ## ruff and mypy --strict
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

system:          ## install the Debian packages that the remaining tests need
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN) > /dev/null

real: setup      ## the real-input run: both public data sets, from extract to verified delivery
	bash pipelines/real-input $(BIN)/pophealth

faults: setup    ## kill -9 before every disk call of a delivery and of whole runs; old state or new state, never between
	d=$$(mktemp -d) && mkdir $$d/loop $$d/run && cd tests && ../$(BIN)/python -m test_support.kill_loop $$d/loop && ../$(BIN)/python -m test_support.kill_run $$d/run 20

# Benchmarks print a table, and write it as a file with JSON=path. They are not run by `make test`.
ARGS = $(if $(PEOPLE),PEOPLE=$(PEOPLE)) $(if $(RECORDS),RECORDS=$(RECORDS)) $(if $(ROUNDS),ROUNDS=$(ROUNDS)) $(if $(JSON),JSON=$(JSON))

bench-line: setup       ## demo, ingest and a second run: wall time and peak memory
	$(BIN)/python benchmarks/line.py $(if $(PEOPLE),PEOPLE=$(PEOPLE)) $(if $(JSON),JSON=$(JSON))

bench-core: setup       ## features of the frozen plan, side by side with DuckDB
	$(BIN)/python benchmarks/core.py $(ARGS)

bench-ingest: setup     ## what writing the register costs
	$(BIN)/python benchmarks/ingest.py $(ARGS)

bench-eval: setup       ## concordance and bootstraps, side by side with lifelines and scikit-learn
	$(BIN)/python benchmarks/evaluation.py $(if $(ROUNDS),ROUNDS=$(ROUNDS)) $(if $(JSON),JSON=$(JSON))

bench-scores: setup     ## QRISK3 of a million people; all scores of a network
	$(BIN)/python benchmarks/scores.py

bench-generator: setup  ## a million synthetic people
	$(BIN)/python benchmarks/generator.py

bench-scale: setup      ## 250,000 to 3 million distinct people (PEOPLE=10000000: ten); growth, memory, England on paper
	$(BIN)/python benchmarks/scale.py $(ARGS)

bench-bounds: setup     ## what bounds a run: bare scan, streaming, ingest, delivery write
	$(BIN)/python benchmarks/bounds.py $(ARGS)

bench-peers: setup      ## ES-ACES and MEDS-Tab on the same people and features
	$(BIN)/python benchmarks/peers.py $(ARGS)

bench-unlike: setup     ## dense lists, uneven practices, dirty data, heavy patients
	$(BIN)/python benchmarks/unlike.py $(ARGS)

bench-spark: setup      ## Spark over bucket paths beside threads (PEOPLE: people a network)
	$(BIN)/python benchmarks/spark.py $(if $(NETWORKS),NETWORKS=$(NETWORKS)) $(if $(PEOPLE),PEOPLE=$(PEOPLE)) $(if $(ROUNDS),ROUNDS=$(ROUNDS)) $(if $(JSON),JSON=$(JSON))

bench-training: setup   ## training of a model (MODEL=...) at several index dates: time, memory, what it recovers of the truth
	$(BIN)/python benchmarks/training.py $(foreach name,SITE MODEL NETWORKS PATIENTS YEARS RECORDS UNOBSERVED JSON,$(if $($(name)),$(name)=$($(name))))

bench-pages: setup      ## the pages of a network of 50,000 people, 12,000 listed
	$(BIN)/python benchmarks/pages.py $(if $(PEOPLE),PEOPLE=$(PEOPLE)) $(if $(JSON),JSON=$(JSON))

screens: setup          ## pictures of each page type: make screens DELIVERY=... OUT=...
	$(BIN)/python tests/browser/screenshots.py $(DELIVERY) $(OUT)

clean:           ## remove what demo and real wrote
	rm -rf demo build
