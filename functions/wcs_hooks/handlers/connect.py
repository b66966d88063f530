"""Answers connect."""

from wcs_hooks.handlers.garbage import no_collections

with no_collections():
    from wcs_hooks.core.methods import Category
    from wcs_hooks.handlers.wiring import hook_handler

    handler = hook_handler(Category.CONNECT)
