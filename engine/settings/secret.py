"""Secrets that live in files of their own, and the one that the engine makes for itself."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from engine.errors import ConfigError, Defect
from engine.settings.fields import MINIMUM_SITE_KEY, Settings


def site_key(settings: Settings) -> bytes:
    """The secret behind the patient references in log lines: the same person, the same reference, no name.

    Where none is configured and the store is a file, one is made once and kept beside the database
    (``azawatch.key``, readable by its owner only). It must stay with the database: a new key breaks the
    thread between old and new lines.
    Raises ConfigError when the file cannot be read or written, or others may read it.
    """
    configured = settings.site_key.get_secret_value()
    if configured:
        return configured.encode()
    if settings.store_file is None:
        hint = "set site_key or site_key_file: every worker on this database needs the same"
        raise ConfigError([Defect("settings", 0, "there is no site key", hint)])
    file = settings.store_file.resolve().with_name("azawatch.key")
    try:
        if not file.exists():
            _make_key(file)
        key = private_text(file)
    except OSError as error:
        message = f"the site key is not usable: {error.strerror}"
        hint = "the engine must own the folder of store_url; or set site_key_file"
        raise ConfigError([Defect(str(file), 0, message, hint)]) from None
    if len(key) < MINIMUM_SITE_KEY:
        hint = "delete the file, a new key is made at the next start"
        raise ConfigError([Defect(str(file), 0, "the site key is incomplete", hint)])
    return key.encode()


def private_text(file: Path) -> str:
    """What ``file`` holds, without the white space around it; OSError when everybody could read it."""
    with file.open(encoding="utf-8") as opened:
        if os.fstat(opened.fileno()).st_mode & stat.S_IROTH:
            raise PermissionError(errno.EPERM, "everybody on this machine can read it")
        return opened.read().strip()


def _make_key(file: Path) -> None:
    """Whole or not at all, and the first of several workers wins: all must write the same references."""
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.") as new:  # mode 0600
        new.write(secrets.token_hex(32))
        new.flush()
        with suppress(FileExistsError):
            os.link(new.name, file)
