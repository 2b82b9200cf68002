"""Event classes, responses and deltas of Anthropic Messages."""
