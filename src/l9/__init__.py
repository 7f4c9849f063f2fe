"""l9: an annotated git tag, taken live through hard gates, and brought back by itself."""

__version__ = "0.1.0"
