"""File names and size limits of a published model."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"
RESULTS = "eval/results.json"

READ = (CONFIG, WEIGHTS, CARD, RESULTS)
"""The files that are fetched; no other file of a repository ever is."""

KERAS_COPY = ("model.weights.h5", "metadata.json")
"""The files for Keras alone."""

LAYOUT = (*READ, *KERAS_COPY)
"""All files that are pushed."""

LIMITS = {CONFIG: 4 << 20, CARD: 4 << 20, RESULTS: 64 << 20}
"""Most bytes of the files that are fetched in addition to the weights."""
