"""The WcsHooks stack: one construct per capability."""
