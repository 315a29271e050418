"""A classifier as training and attacks use it: `predict(x, branch=0)`.

`predictor.py` fixes its mode, `validation.py` refuses what is no classifier,
`spec.py` describes one, `held_updates.py` keeps its BatchNorm updates back.
"""
