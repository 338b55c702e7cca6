"""Settings: `base` holds in every mode; one module for each mode builds on it."""
