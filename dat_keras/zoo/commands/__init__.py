"""Loading, describing, fetching and searching models by name or path."""
