"""A mock LLM server: answers like the real APIs, refuses like them, fails like them, remembers everything."""
