"""Files of a published model: writing, strict reading, checks."""
