"""The version of the package: read by setuptools, so it imports nothing."""

__version__ = "0.1.0.dev0"
