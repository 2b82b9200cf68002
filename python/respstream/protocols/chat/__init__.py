"""The public objects of Chat Completions."""
