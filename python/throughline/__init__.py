"""Throughline: the event backbone of an AI application, in Python.

``throughline.functions`` has the types of what a function gets and what it may answer with.
"""

from throughline import functions

__all__ = ["functions"]
__version__ = "0.1.0"
