"""The public objects of the Responses API."""
