"""Chaos: the bot is killed, raced, flooded and cut short, and judged by what happened outside of it.

`python -m tests.chaos [NAME ...] [--short | --times N]`, or `make chaos`. A stopped run goes on where it was.
"""
