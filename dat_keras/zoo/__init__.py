"""The model zoo: bundled models, and models of the Hugging Face Hub.

A model comes as plain data and weights in safetensors. The architecture is
looked up by name among this library's own; nothing that others published is
ever deserialised as an object.
"""
