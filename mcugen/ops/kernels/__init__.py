"""Kernels that pack their weights in a way of their own, a module each, named after the C file.

An operator's module lists them; what they share is in `requant.py`.
"""
