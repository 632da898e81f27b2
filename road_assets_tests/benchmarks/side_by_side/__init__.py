"""All benchmarks in one run and one table, beside their baselines: ``make bench``."""
