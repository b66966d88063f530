"""What maintains this repository: references, audit, cost."""
