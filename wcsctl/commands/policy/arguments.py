"""Arguments and options that several policy commands have."""

from pathlib import Path
from typing import Annotated, Final

import typer

from wcsctl.app_words import app_of_option, app_of_word
from wcsctl.completion import Completed

AppKey = Annotated[
    str,
    typer.Argument(
        help="The app: an appKey, or `every-app` for the app `*`.", callback=app_of_word
    ),
    Completed.APPS,
]
AppOption = Annotated[
    str | None,
    typer.Option(
        "--app", help="The app: an appKey, or `every-app` for the app `*`.", callback=app_of_option
    ),
    Completed.APPS,
]
PolicyId = Annotated[str, typer.Argument(help="The policy's id."), Completed.POLICIES]
VersionNumber = Annotated[
    int, typer.Argument(help="The version's number; see `history`.", min=1), Completed.VERSIONS
]
Directory = Annotated[
    Path, typer.Argument(help="A directory with a folder of YAML files for each app.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")]
Message = Annotated[
    str, typer.Option("--message", "-m", help="Why; `policy history` shows it with the version.")
]
Wait = Annotated[
    float, typer.Option("--wait", help="Seconds to wait until the edit is active.", min=1)
]
WAIT: Final = 60.0
