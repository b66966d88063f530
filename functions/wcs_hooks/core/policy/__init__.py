"""What a policy is: its attributes, checks, and the snapshot's ingredients."""
