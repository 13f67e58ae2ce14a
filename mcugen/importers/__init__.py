"""Readers of model file formats."""
