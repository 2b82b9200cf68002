"""Bridges to other packages. None is imported by respstream itself, and none is needed to import it."""
