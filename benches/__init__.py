"""Benchmarks side by side with peers, and the seeded generators that they and the tests share."""
