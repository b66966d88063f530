"""The cookbook: recipes, each of policies with their tests, which wcsctl brings along."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from wcsctl.errors import NotFoundError, UsageError
from wcsctl.policies.files import folder_of

_POLICIES: Final = "policies.yaml"
_TEST: Final = ".test.yaml"


def recipes() -> list[str]:
    """The names of all recipes."""
    return sorted(recipe.name for recipe in _cookbook().iterdir() if recipe.is_dir())


def recipe_texts(recipe: str) -> dict[str, str]:
    """The texts of a recipe's files, `RECIPE.yaml` and `RECIPE.test.yaml`, by their names.

    Raises
    ------
    NotFoundError
        If there is no such recipe.
    """
    if recipe not in recipes():
        raise NotFoundError(f"There is no recipe {recipe}; there are {', '.join(recipes())}.")
    return {
        _file_name(recipe, source.name): source.read_text(encoding="utf-8")
        for source in (_cookbook() / recipe).iterdir()
    }


def write_recipe(recipe: str, directory: Path, app: str) -> list[Path]:
    """Write a recipe's policies and their tests into the folder of an app.

    Returns
    -------
    list
        The files: `RECIPE.yaml` and `RECIPE.test.yaml`.

    Raises
    ------
    NotFoundError
        If there is no such recipe.
    UsageError
        If one of the files is there already, or cannot be written.
    """
    folder = directory / folder_of(app)
    texts = {folder / name: text for name, text in recipe_texts(recipe).items()}
    for file in texts:
        if file.exists():
            raise UsageError(f"{file} is there already: move it away, or edit it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}.") from None
    return sorted(texts)


def _file_name(recipe: str, source: str) -> str:
    return f"{recipe}.yaml" if source == _POLICIES else f"{recipe}{_TEST}"


def _cookbook() -> Traversable:
    return files("wcsctl") / "cookbook"
