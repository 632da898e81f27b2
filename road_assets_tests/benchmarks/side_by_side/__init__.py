"""Everything that is measured, in one run and one table: ``make bench``."""
