"""The assets, in the order of the data's way: raw, synthetic, features, tables, model, drift."""
