"""The local run: a real deployment to an AWS emulator on this machine, and hooks to try it with.

The end-to-end tests deploy through the same modules, so what they show holds for ``make local``.
"""

import sys
from pathlib import Path

# Hooks and policies are read by the core that the functions run, which no environment installs.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))
