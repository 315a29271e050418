"""Files, configurations, names and processes: what needs no TensorFlow.

Importing anything in here leaves TensorFlow out of `sys.modules`, on which
quick `--help` and quick refusals of misspelt names depend.
"""
