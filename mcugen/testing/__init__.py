"""What the tests of operators and kernels are built from; not used by the tool itself.

`builder` writes models, `check` compares the numpy semantics with the reference interpreters,
`kernels` compiles C kernels and compares them with numpy.
"""
