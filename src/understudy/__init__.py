"""A mock LLM server: answers like the real APIs, refuses like them, fails like them, remembers everything."""

__version__ = "0.1.0"

__all__ = ["__version__"]
