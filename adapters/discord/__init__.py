"""Nod on Discord."""
