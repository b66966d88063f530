"""Edit, compare, test and roll back policies."""
