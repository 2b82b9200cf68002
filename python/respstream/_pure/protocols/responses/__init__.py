"""The Responses API: its events, and how they assemble a response."""
