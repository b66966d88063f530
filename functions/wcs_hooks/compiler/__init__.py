"""From edits of the Policies table to versions of policies."""
