"""Import of PyTorch weights, and export to other runtimes."""
