"""The assets, by groups in the order of the data flow: raw, synthetic, features, tables, model, drift."""
