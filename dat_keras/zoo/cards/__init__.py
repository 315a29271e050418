"""What is stated about a published model: its config, accuracies, card."""
