"""Prints the examples of the docstrings of throughline.functions as one module, for type checkers."""

import inspect
import textwrap

import throughline.functions as functions

print("import base64")
print("from collections.abc import Iterator")
print("from urllib.parse import unquote_plus")
print(f"from throughline.functions import {', '.join(functions.__all__)}")
for name in functions.__all__:
    text = inspect.getdoc(getattr(functions, name)) or ""
    if "Example::" in text:
        example = textwrap.dedent(text.split("Example::", 1)[1].strip("\n"))
        print(example.replace("def handler", f"def handler_of_{name}"))
