"""Differential testing with random models; `make fuzz N=1000` or `python -m mcugen.testing.fuzz`.

`sketch` grows a graph operator by operator, by the generators in `elementwise`, `layers`, `layout`
and `recurrent`, which `catalog` lists; `generate` makes a model of a seed and a number. `networks`
has Keras make models. `run` compares numpy with a reference interpreter, and C (`host`, `emulated`)
with numpy. What differs is made small by `minimise`; `report` says what was covered.
"""
