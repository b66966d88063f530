"""The CDK application: reads the settings, packages the functions, and makes the stack."""

import sys
from pathlib import Path

# The stack takes the methods from the core that answers them.
sys.path.insert(0, str(Path(__file__).resolve().parent / "functions"))

from aws_cdk import App
from aws_cdk import aws_lambda as lambda_

from infra.packaging import PackagingError, package, target_of
from infra.settings import Settings, SettingsError
from infra.wcs_hooks_stack import WcsHooksStack


def main() -> int:
    """Synthesise the stack. Return the process's exit status."""
    app = App()
    try:
        settings = Settings.from_context(app.node.get_all_context())
        functions = package(target_of(settings))
    except (SettingsError, PackagingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    code = lambda_.Code.from_asset(str(functions.path), asset_hash=functions.asset_hash)
    WcsHooksStack(app, settings, code)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
