"""The protocols of the APIs, and the interface that each of them implements."""
