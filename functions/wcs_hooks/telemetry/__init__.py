"""What can be seen of hooks and compilations: metrics, decision lines."""
