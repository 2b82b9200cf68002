"""How Sphinx builds the site from these pages: `make docs`."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "respstream"
author = "the respstream authors"
project_copyright = author
version = release = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns: list[str] = []

# Docstrings write names as the pages do, in single backticks.
default_role = "code"
highlight_language = "text"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
# `Any` and unions in long signatures read better on lines of their own.
maximum_signature_line_length = 90

myst_heading_anchors = 3

html_theme = "furo"
html_title = f"respstream {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
