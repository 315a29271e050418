"""A stand-in for IPython, which keeps what a cell displays."""

import importlib.machinery
import sys
import types


def fake_notebook(monkeypatch):
    """Puts the stand-in in place; returns the list of displayed PNGs."""
    shown = []
    top, display = types.ModuleType("IPython"), types.ModuleType("display")
    top.__spec__ = importlib.machinery.ModuleSpec("IPython", None)
    display.Image = lambda data: data
    display.display = shown.append
    monkeypatch.setitem(sys.modules, "IPython", top)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown
