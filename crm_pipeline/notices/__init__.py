"""Telling people that something is wrong, or well again: what a message says, and the channels it goes through.

When and of what is decided in `walk/troubles.py`.
"""
