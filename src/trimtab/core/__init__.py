"""The floor of the house: ids, clock, errors, the plug registry, settings.

Nothing here does I/O or knows a word of the domain. Every other room may import from here; this room imports
nothing of ours. What enters: plain values. What leaves: plain values, exceptions of one tree, and plugs by name.
"""
