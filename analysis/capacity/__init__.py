"""Capacity: the smallest fleet that keeps a promise."""
