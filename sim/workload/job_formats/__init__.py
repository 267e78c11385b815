"""Readers of recorded jobs, one a format."""
