"""Benchmarks against other libraries, and the seeded log generators that the tests use too."""
