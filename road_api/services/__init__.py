"""What the service does, without HTTP: reading rows, keeping the model, estimating."""
