"""Programs of the repository itself: no part of what is deployed or installed."""
