"""The pure-Python implementation of the Rust core, with the same modules and identical results.

`respstream._fallback` makes the public objects of it.
"""
