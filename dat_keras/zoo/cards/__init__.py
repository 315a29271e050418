"""A published model's config, accuracies and model card."""
