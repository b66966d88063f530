"""What hooks cost and how far they scale, by models of AWS's prices and quotas."""
