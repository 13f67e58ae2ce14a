# `make demo` and `make test` set up what they need on a fresh Debian or Ubuntu, then run.
#
#   demo    the digits network, from its file to an emulated Cortex-M4
#   test    all tests
#   check   what must hold before each commit: formats, types, quick tests
#   fuzz    N random models against the references: make fuzz N=1000 SEED=7, a hundredth as many
#           Keras networks (NETWORKS=0 for none), and some on every core in QEMU (CORES= for none)
#   faults  N faults on the wire to a firmware: make faults N=10000
#   docs    docs/operators.md from the operator modules
#   code-sizes   mcugen/code_sizes.json, by the compiler
#   bench   the MLPerf Tiny models (MODELS=folder) under every -O, by class of layer, beside other
#           tools' figures; against bench/base.json
#   bench-costs   modelled cycles of the kernels over measured ones
#   bench-quant   the quantizer's figures against float and TensorFlow's converter (ROWS="kws effort")
#   setup   system packages and a virtual environment in .venv
#   clean   remove what the above made

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
N      ?= 1000
SEED   ?= 0
NETWORKS ?= $(shell expr $(N) / 100)
CORES  ?= microbit mps2-an385 mps2-an386 mps2-an500 mps2-an505 mps3-an547
MODELS ?= $(or $(MCUGEN_SHARED),../shared)/models
C_FILES = $(shell git ls-files '*.c' '*.h')

.PHONY: demo test check bench setup clean fuzz faults docs bench-quant bench-costs code-sizes plans
.DEFAULT_GOAL := demo

demo: setup
	@$(BIN)/python examples/demo.py examples/digits/digits.keras examples/digits/digits_test.npz

test: setup
	$(BIN)/pytest -n $(JOBS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	$(BIN)/pytest -n $(JOBS) -m "not slow and not qemu"

bench: setup
	@mkdir -p build
	$(BIN)/python bench/models.py $(MODELS) --base bench/base.json --json build/bench.json

fuzz: setup
	@$(BIN)/python -m mcugen.testing.fuzz -n $(N) --seed $(SEED) --jobs $(JOBS) \
		--networks $(NETWORKS) $(CORES:%=--board %)

plans: setup
	@$(BIN)/python -m mcugen.testing.plans -n $(N) --seed $(SEED)

faults: setup
	@$(BIN)/python -m mcugen.testing.faults examples/digits/digits_int8.tflite -n $(N) --seed $(SEED)

docs: setup
	$(BIN)/python -m mcugen.ops.manual > docs/operators.md

code-sizes: setup
	@$(BIN)/python -m mcugen.testing.code_sizes > build-sizes.tmp && mv build-sizes.tmp mcugen/code_sizes.json

bench-costs: setup
	@$(BIN)/python -m mcugen.testing.cost_model

bench-quant: setup
	$(BIN)/python bench/quant.py $(if $(ROWS),--rows $(ROWS))

setup: $(VENV)/packages.stamp $(VENV)/python.stamp

$(VENV)/packages.stamp: .ci/setup
	@PYTHON=$(PYTHON) .ci/setup
	@mkdir -p $(VENV) && touch $@

$(VENV)/python.stamp: pyproject.toml | $(VENV)/packages.stamp
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing mcugen and what it needs into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[reference,keras,cycles,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist out
