# `make up` starts everything, `make test` tests everything; both need Python 3.11 or later, make and the
# package registries, nothing else. All paths are relative: the folder's own path may hold spaces.

.DELETE_ON_ERROR:
.PHONY: help up dev test lint bench faults docs static clean

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
PY = .venv/bin/python
PACKAGES = controlplane agents workflows runs
STATIC_SOURCES := $(shell find static -name node_modules -prune -o -name dist -prune -o -type f -print)
# Settings for commands that touch no database: they need a key, not a secret one.
PLACEHOLDER = SECRET_KEY=placeholder-for-commands-that-sign-nothing-0123456789-abcdefghijklm
DEPLOYED = $(PLACEHOLDER) BEHIND_TLS=1 ALLOWED_HOSTS=example.org
SAY = @printf '\033[1m%s\033[0m\n'

help:
	@echo 'make up      install what is missing and start everything (PORT, HOST and more from the environment)'
	@echo 'make dev     the same with DEBUG=1'
	@echo 'make test    the whole suite, on servers of its own (TESTS=path narrows it)'
	@echo 'make lint    style, deploy check, migrations, import contracts, types'
	@echo 'make bench   measure and write var/bench.json'
	@echo 'make faults  kill things and look whether anything was lost'
	@echo 'make docs    write what step kinds declare into docs/specification.md'
	@echo 'make static  build styles and scripts;  make clean  remove what was built, keep the data'

up: .venv/.installed .venv/.compiled staticfiles/.collected
	@$(COMPILE_OURS)
	@exec $(PY) manage.py up

dev: .venv/.installed .venv/.compiled staticfiles/.collected
	@$(COMPILE_OURS)
	@DEBUG=1 exec $(PY) manage.py up

TESTS ?= tests
test: .venv/.installed-dev .venv/.compiled staticfiles/.collected
	@$(COMPILE_OURS)
	@exec $(PY) -m pytest -n 2 $(TESTS)

faults: .venv/.installed-dev .venv/.compiled staticfiles/.collected
	@$(COMPILE_OURS)
	@exec $(PY) -m tests.faults

bench: .venv/.installed-dev .venv/.compiled staticfiles/.collected
	@$(COMPILE_OURS)
	@exec $(PY) -m tests.bench $(PARTS)

lint: .venv/.installed-dev
	@failed=; \
	step() { name=$$1; shift; printf '\n== %s\n' "$$name"; "$$@" || failed="$$failed, $$name"; }; \
	step 'ruff check' $(PY) -m ruff check .; \
	step 'ruff format' $(PY) -m ruff format --check .; \
	step 'check --deploy' env $(DEPLOYED) $(PY) manage.py check --deploy --fail-level WARNING; \
	step 'makemigrations --check' env $(PLACEHOLDER) LOG_LEVEL=ERROR $(PY) -W ignore manage.py makemigrations --check --dry-run; \
	step 'lint-imports' .venv/bin/lint-imports; \
	step 'mypy' env $(PLACEHOLDER) $(PY) -m mypy $(PACKAGES); \
	if [ -n "$$failed" ]; then printf '\nFAILED: %s\n' "$${failed#, }"; exit 1; fi; printf '\nAll checks passed.\n'

docs: .venv/.installed
	@$(PLACEHOLDER) LOG_LEVEL=ERROR $(PY) manage.py document_kinds

static: staticfiles/.collected

clean:
	rm -rf .venv static/node_modules static/dist staticfiles .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Python: a virtual environment, uv inside it, and the pins with their hashes.

$(PY):
	@[ -n "$(PYTHON)" ] || { echo 'Python 3.11 or later was not found. Install it, or name it: make PYTHON=/path/to/python3 …'; exit 1; }
	$(SAY) 'Creating .venv'
	@"$(PYTHON)" -m venv --clear .venv || { \
		rm -rf .venv; echo 'This Python cannot make virtual environments (Debian: apt-get install python3-venv).'; exit 1; }

.venv/bin/uv: requirements-uv.txt | $(PY)
	$(SAY) 'Installing the package installer'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

# uv reads no settings of pip; where only pip knows the way to the packages, pip goes.
INSTALL = install() { .venv/bin/uv pip install --python $(PY) --require-hashes -r "$$1" || { \
	echo 'Trying pip instead.'; $(PY) -m pip install --disable-pip-version-check --require-hashes -r "$$1"; }; }; install

.venv/.installed: requirements.txt | .venv/bin/uv
	$(SAY) 'Installing the Python packages'
	@$(INSTALL) requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt | .venv/bin/uv
	$(SAY) 'Installing the Python packages for tests'
	@$(INSTALL) requirements-dev.txt
	@touch $@ .venv/.installed

# Bytecode before the first start: where Python is told to write none, each process would compile everything for
# itself, which takes longer than all else of a start. Packages hold examples for other Pythons; those may fail.

.venv/.compiled: .venv/.installed
	$(SAY) 'Compiling the Python packages'
	@$(PY) -m compileall -q -q -j 0 .venv/lib || true
	@touch $@

COMPILE_OURS = $(PY) -m compileall -q $(PACKAGES) tests manage.py || true

# Styles and scripts: Node from the machine, or from the pinned package when there is none of version 18 or later.

NODE_IS_HERE = node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1
WITH_NODE = PATH="$$PWD/.venv/bin:$$PATH"; export PATH

static/node_modules/.installed: static/package.json static/package-lock.json | .venv/bin/uv
	$(SAY) 'Installing the packages for the browser'
	@$(NODE_IS_HERE) || [ -x .venv/bin/node ] || { $(INSTALL) requirements-node.txt; }
	@$(WITH_NODE); cd static && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

staticfiles/.collected: $(STATIC_SOURCES) .venv/.installed static/node_modules/.installed
	$(SAY) 'Building styles and scripts'
	@$(WITH_NODE); cd static && npm run --silent build
	@$(PLACEHOLDER) COLLECTING_STATIC=1 $(PY) manage.py collectstatic --clear --no-input --verbosity 0
	@touch $@
