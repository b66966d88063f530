"""What can go wrong in a local run: each error is one line that says what to do about it."""


class LocalRunError(Exception):
    """Something a person can put right; the message names the thing and the way out."""


class PortInUseError(LocalRunError):
    """Another program listens on the emulator's port."""


class EmulatorError(LocalRunError):
    """The emulator did not start, or ended by itself."""


class DeploymentError(LocalRunError):
    """The CDK command line failed; the message ends with its last lines and names its log."""
