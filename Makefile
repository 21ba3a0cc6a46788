# Two commands do everything on a fresh machine: `make demo` and `make test`. `make docs` builds the site.
# `make demo` installs the package alone, the others the developers' tools as well. With TORCH=cpu, PyTorch's own
# builds without CUDA are taken, which are several gigabytes smaller.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --progress-bar off
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
TORCH ?=
# One more than there are cores, four at most: some tests wait for servers and other processes.
PROCESSES = $(shell $(BIN)/python -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
TORCH_CPU := https://download.pytorch.org/whl/cpu

.PHONY: demo test docs lint browser clean

demo: $(INSTALLED)
	$(BIN)/zeroseg demo --output demo

test: $(READY) lint browser
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

docs: $(READY)
	$(BIN)/python -m docs.site.build build/site
	@echo "open build/site/html/index.html"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The reports are looked at in a real browser.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "installing Chromium for the browser tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; \
	else \
		echo "the browser tests need Chromium: apt-get install chromium, or brew install chromium" >&2; exit 1; \
	fi

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "zeroseg needs Python 3.10 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
ifeq ($(TORCH),cpu)
	$(PIP) --no-deps --constraint constraints.txt --index-url $(TORCH_CPU) torch torchvision
endif
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(READY): $(INSTALLED)
	$(PIP) --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo runs build/site .pytest_cache .mypy_cache .ruff_cache
