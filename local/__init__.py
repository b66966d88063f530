"""The local run: a real deployment to an AWS emulator on this machine, and hooks to try it with.

The end-to-end tests deploy through the same modules, so what they show holds for ``make local``.
"""
