"""What people see of a run: tables and plots in the metadata of assets and checks, and Evidently's drift report."""
