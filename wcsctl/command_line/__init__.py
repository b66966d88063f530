"""What all commands share: options, imports when they are used, completion, the overview."""
