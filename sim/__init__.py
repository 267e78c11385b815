"""Discrete-event simulation of AI compute fleets: a scenario goes in, a result comes out."""
