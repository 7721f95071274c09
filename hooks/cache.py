"""Keeps what each snippet made, under a key of everything that could change it.

An entry is a folder `.cache/press/<name>-<key>` that appears by one rename, so
a build killed at any moment, or two builds at once, leave only whole entries.
"""

import hashlib
import json
import os
import platform
import shutil
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from hooks.snippet import PressError, Snippet

ENTRIES = Path(".cache/press")
KEEP_DAYS = 14  # an entry no build has used for so long is evicted
RUNNERS = ("cache.py", "child.py", "figure.py", "host.py", "palette.json", "run.py", "snippet.py", "study.py")


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


PRESS = digest(*((Path(__file__).parent / name).read_bytes() for name in RUNNERS))  # as this process runs it


def base_key(snippet: Snippet) -> str:
    """All that is known before the run: source, press and library versions."""
    versions = [platform.python_version(), *map(version, ("numpy", "torch", "matplotlib"))]
    return digest(*map(str.encode, (snippet.file, snippet.source, repr(versions), PRESS)))


def hash_files(root: Path, files) -> dict[str, str | None]:
    """The content of each file; None where there is none (that, too, can change)."""
    found = {file: root / file for file in sorted(files)}
    return {file: digest(path.read_bytes()) if path.is_file() else None for file, path in found.items()}


def entry_prefix(snippet: Snippet) -> str:
    return snippet.name.replace("/", ".") + "-"


def find(root: Path, snippet: Snippet) -> dict | None:
    """The stored result that is right for the sources as they are now, if any."""
    base = base_key(snippet)
    for entry in sorted((root / ENTRIES).glob(entry_prefix(snippet) + "*")):
        try:
            result = json.loads((entry / "result.json").read_bytes())
            if result["base"] != base or hash_files(root, result["opened"]) != result["opened"]:
                continue
            if hash_files(entry, result["files"]) != result["files"]:
                raise ValueError("a file of the entry was changed")
            os.utime(entry)  # says that it is in use
            return result | {"folder": entry}
        except (ValueError, KeyError, TypeError, OSError):  # damaged: make it again
            remove(entry)
    return None


def store(root: Path, snippet: Snippet, made: dict, out: Path) -> dict:
    """Move a finished run's folder to its place; return its result."""
    files = [path.name for path in out.iterdir() if path.suffix in (".svg", ".png") or "written." in path.name]
    result = made | {"files": hash_files(out, files)}
    for path in out.iterdir():
        if path.name not in files:
            remove(path)
    (out / "result.json").write_text(json.dumps(result))
    inputs = repr((made["base"], sorted(made["opened"].items())))
    entry = root / ENTRIES / (entry_prefix(snippet) + digest(inputs.encode())[:16])
    try:
        out = out.rename(entry)
    except OSError:  # another build was first: same key, same result
        if found := find(root, snippet):
            remove(out)
            return found
    return result | {"folder": out}


def new_folder(root: Path, snippet: Snippet) -> Path:
    """An empty folder for a run to fill, on the same disk as the entries."""
    folder = root / ENTRIES / f"tmp.{os.getpid()}.{snippet.name.replace('/', '.')}"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise PressError(f"{ENTRIES}:1: cannot be written: {error.strerror} (free it or remove .cache)") from None
    return folder


def evict(root: Path, used: set[Path]) -> None:
    """Remove entries and unfinished runs that no build has touched for long, nor this one uses."""
    for entry in set((root / ENTRIES).glob("*")) - used:
        days = 1 if entry.name.startswith("tmp.") else KEEP_DAYS
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime > days * 86400:
                remove(entry)


def remove(path: Path) -> None:
    """Remove a file or a folder, unless another build does so too."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
