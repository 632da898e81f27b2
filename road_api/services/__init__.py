"""The logic behind the endpoints: reading questions, following the model, estimating, explaining, logging."""
