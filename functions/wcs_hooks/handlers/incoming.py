"""Answers incoming calls."""

from wcs_hooks.handlers.cold_start import no_collections

with no_collections():
    from wcs_hooks.core.methods import Category
    from wcs_hooks.handlers.gateway import hook_handler

    handler = hook_handler(Category.INCOMING)
