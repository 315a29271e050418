"""The files of a published model: written, read back, checked as data."""
