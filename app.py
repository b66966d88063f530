"""The CDK application: reads the settings, packages the functions, and makes the stack."""

import os
import sys
from pathlib import Path

# Node 20 runs the CDK, whose library prints a banner about it whenever it is loaded.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
# The stack takes the methods from the core that answers them.
sys.path.insert(0, str(Path(__file__).resolve().parent / "functions"))

from aws_cdk import App

from infra.packaging import PackagingError, package, target_of
from infra.settings import Settings, SettingsError
from infra.wcs_hooks import code_of
from infra.wcs_hooks_stack import WcsHooksStack


def main() -> int:
    """Synthesise the stack. Return the process's exit status."""
    app = App()
    try:
        settings = Settings.from_context(app.node.get_all_context())
        packages = package(target_of(settings))
    except (SettingsError, PackagingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    WcsHooksStack(app, settings, code_of(packages), packages)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
