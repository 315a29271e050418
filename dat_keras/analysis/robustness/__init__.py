"""How robust a classifier is, as one HTML page.

`write_report` measures classifiers, reads the run folders of their training
and writes the page; `RobustnessReport` is its result. Only `figures.py` and
`image_figures.py` need matplotlib.
"""
