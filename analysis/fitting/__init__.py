"""Measurements of a user's own, fitted into rows that a scenario can use."""
