"""The soak: a simulated WCS at work against a deployment in which things fail, and the balance.

`make soak` deploys the stack to an emulator of its own, lets simulated WCS nodes send hooks at a
bounded rate, and lets faults in by a schedule that is written down before. In the end every hook
must be accounted for: it was answered, or it is a dead letter. See `docs/maintainers/soak.md`.
"""
