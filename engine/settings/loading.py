"""Lays file, environment and options over each other, and says where each defect is."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from engine.errors import ConfigError, Defect
from engine.settings.fields import PREFIX, SECRETS, Settings, names
from engine.settings.secret import private_text

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
DEFAULT_FILE = "azawatch.toml"

_Lines = dict[tuple[str, ...], int]
_Place = Callable[[tuple[str, ...]], tuple[str, int]]


def load(config: Path | None = None, *, overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the settings of this process; ``overrides`` (top-level names) are options of the command line.

    The file is ``config``, else what ``AZAWATCH_CONFIG`` names, else ``azawatch.toml`` of the working
    folder where there is one. Options win over the environment, the environment over the file, the file
    over the defaults; an override of None was not given. Relative paths start at the working folder.
    Raises ConfigError with every unknown name and unusable value of file and environment together; secrets
    are not quoted in it.
    """
    defects: list[Defect] = []
    options = {name: value for name, value in (overrides or {}).items() if value is not None}
    file, table, lines = _read_file(config, defects)
    environment = _read_environment(defects)

    def place(path: tuple[str, ...]) -> tuple[str, int]:
        if path[0] in options:
            return f"--{path[0]}", 0
        setting = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in names()), path)
        if _holds(environment, setting):
            return _variable(setting), 0
        return file, next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 0)

    for source in (table, environment):
        _read_secrets(source, place, defects)
    try:
        settings = Settings(**_laid_over(_laid_over(table, environment), options))
    except ValidationError as error:
        problems = error.errors()
        defects += [_defect(problem["type"], problem["loc"], problem["msg"], place) for problem in problems]
        raise ConfigError(defects) from None
    if defects:
        raise ConfigError(defects)
    return settings


def _read_file(config: Path | None, defects: list[Defect]) -> tuple[str, dict[str, Any], _Lines]:
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    path = named or Path(DEFAULT_FILE)
    if named is None and not path.exists():
        return str(path), {}, {}
    try:
        text = path.read_text(encoding="utf-8")
        return str(path), tomllib.loads(text), _lines(text)
    except OSError as error:
        hint = f"named by --config or {CONFIG_VARIABLE}" if named else ""
        defects.append(Defect(str(path), 0, f"cannot be read: {error.strerror}", hint))
    except UnicodeDecodeError:
        defects.append(Defect(str(path), 0, "is not UTF-8 text"))
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"at line (\d+)", str(error))
        hint = 'text stands in double quotes, lists in brackets: inbound = ["a", "b"]'
        defects.append(Defect(str(path), int(told[1]) if told else 0, f"is not TOML: {error}", hint))
    return str(path), {}, {}


def _lines(text: str) -> _Lines:
    """The line of every key, as far as one can tell without a second TOML parser."""
    found: _Lines = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
        key = re.match(r"\s*([\w.-]+)\s*=", line)
        if header:
            table = tuple(header[1].split("."))
            found.setdefault(table, number)
        elif key:
            found.setdefault((*table, *key[1].split(".")), number)
    return found


def _read_environment(defects: list[Defect]) -> dict[str, Any]:
    known = {_variable(path) for path in names()}
    endings = {variable.rsplit("__", 1)[-1]: variable for variable in known if "__" in variable}
    for name in sorted(os.environ):
        rest = name.removeprefix(PREFIX)
        if rest == name or name in known or name == CONFIG_VARIABLE:
            continue
        # Other variables with our prefix are not ours to refuse (Kubernetes sets AZAWATCH_PORT for a
        # service of that name); what is nearly a setting is a typing error.
        near = get_close_matches(rest, [variable.removeprefix(PREFIX) for variable in known], 1, 0.8)
        meant = endings.get(rest) or (near and PREFIX + near[0])
        if meant:
            defects.append(Defect(name, 0, "unknown setting", f"did you mean {meant}?"))
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError:
        hint = f"set its parts: {_variable(('flow', 'prefetch'))}=300"
        defects.append(Defect("environment", 0, "a variable of a whole section must be JSON", hint))
        return {}


def _read_secrets(source: dict[str, Any], place: _Place, defects: list[Defect]) -> None:
    """Put the contents of ``..._file`` in the place of the secret itself."""
    for name in SECRETS:
        file = source.get(f"{name}_file")
        if not isinstance(file, str):
            continue
        where, line = place((f"{name}_file",))
        if name in source:
            defects.append(Defect(where, line, f"{name} is given too", "give the secret once"))
            continue
        try:
            source[name] = private_text(Path(file))
        except OSError as error:
            hint = "only its owner and group may be able to read it: chmod 640"
            defects.append(Defect(where, line, f"{file} cannot be used: {error.strerror}", hint))
        except UnicodeDecodeError:
            defects.append(Defect(where, line, f"{file} is not text"))


def _defect(kind: str, location: tuple[int | str, ...], message: str, place: _Place) -> Defect:
    path = tuple(part for part in location if isinstance(part, str))
    name = ".".join(path)
    if kind != "extra_forbidden":
        return Defect(*place(path), f"{name}: {message.removeprefix('Value error, ')}")
    dotted = [".".join(known) for known in names()]
    near = get_close_matches(name, dotted, 1) or [known for known in dotted if known.endswith(f".{path[-1]}")]
    hint = f"did you mean {near[0]}?" if near else "deploy/settings.example.toml lists them all"
    return Defect(*place(path), f"{name}: unknown setting", hint)


def _variable(path: tuple[str, ...]) -> str:
    return PREFIX + "__".join(path).upper()


def _holds(table: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    here: object = table
    for part in path:
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        merged[key] = _laid_over(below[key], value) if both else value
    return merged
