"""Graph rewrites, one idea a module."""
