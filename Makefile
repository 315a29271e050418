# Two commands: `make demo` shows what the project does, `make test` checks it.
# Both build .venv from a package index; nothing else is downloaded.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

# Tests of every package that take about two minutes in all.
QUICK := tests/attacks tests/augment tests/optimizers tests/data \
	tests/architectures tests/recipes tests/utils tests/test_losses.py \
	tests/training/test_train.py tests/cli/test_cli_early.py

.PHONY: demo test test-all test-pages test-torch test-lowest check bench gpu-check \
	reproduce docs docs-serve clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet -e '.[test]'
	touch $@

.venv/documented: .venv/installed
	$(BIN)/pip install --quiet -e '.[docs]'
	touch $@

# What `.ci/run` installs: then `make test` runs the tests of every extra too.
.venv/complete: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c tests/constraints.txt \
		-e '.[test,docs,torch,onnx,foolbox,autoattack]'
	touch .venv/installed .venv/tested .venv/documented $@

demo: .venv/installed
	$(BIN)/dat-keras train --overwrite
	$(BIN)/dat-keras train --method natural --overwrite
	$(BIN)/dat-keras evaluate runs/shapes-natural runs/shapes-dat \
		--attack natural,fgsm,pgd20,cw --n-examples 200

test: .venv/tested
	$(BIN)/pytest -n $(WORKERS) --dist loadscope

test-all: test test-torch
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -m thorough

# The tutorials, block after block, and pages in a browser.
test-pages: .venv/tested
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m thorough \
		tests/project/test_tutorials.py tests/analysis/test_in_chromium.py

test-torch: .venv/tested
	$(BIN)/pip install --quiet -c tests/constraints.txt \
		-e '.[test,torch,onnx,foolbox,autoattack]'
	$(BIN)/pytest -n $(WORKERS) --dist loadscope tests/interop tests/agreement

test-lowest:
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) tests/lowest_versions.py > .venv-lowest/pins.txt
	.venv-lowest/bin/pip install --quiet -r .venv-lowest/pins.txt -e .
	.venv-lowest/bin/pytest -n $(WORKERS) --dist loadscope $(QUICK)

bench: .venv/installed
	$(BIN)/pip install --quiet -e '.[torch]'
	$(BIN)/python -m benchmarks.steps --method dat --method pgd-at --method trades
	$(BIN)/python -m benchmarks.steps --net resnet18 --batch-size 32 \
		--method dat --method pgd-at --method trades
	for side in sequential fused bfloat16 peer; do \
		$(BIN)/python -m benchmarks.steps --memory $$side; done
	$(BIN)/python -m benchmarks.methods
	$(BIN)/python -m benchmarks.methods --growth
	$(BIN)/python -m benchmarks.convolutions
	$(BIN)/python -m benchmarks.startup

# On a machine with a GPU: is it right there, and how fast is it?
gpu-check: .venv/installed
	$(BIN)/pip install --quiet -e '.[torch]'
	$(BIN)/python -m benchmarks.gpu_check
	$(BIN)/python -m benchmarks.steps --device cuda --net resnet18 \
		--method dat --method pgd-at --method trades

# A table of the paper, in slices: `make reproduce TABLE=cifar10-resnet18`.
TABLE ?= cifar10-resnet18
MINUTES ?= 60
EXTRA ?=
reproduce: .venv/installed
	rows=$$($(BIN)/python -m benchmarks.reproduce $(TABLE)) && \
		timeout --signal=INT --kill-after=2m $(MINUTES)m \
		$(BIN)/dat-keras compare $$rows $(EXTRA)

docs: .venv/documented
	$(BIN)/mkdocs build --strict

docs-serve: .venv/documented
	$(BIN)/mkdocs serve --strict

check: .venv/tested docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy cli
	$(BIN)/python tests/project/check_wheel.py

clean:
	rm -rf .venv .venv-lowest build dist site *.egg-info runs
