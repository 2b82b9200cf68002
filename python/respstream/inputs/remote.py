"""URLs, through fsspec: files, globs and folders of `s3://`, `gs://`, `https://` and what else it reads."""

from __future__ import annotations

from typing import Any, BinaryIO

_TAGS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created")


class Url:
    """Opens a URL that fsspec reads; picklable."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self) -> BinaryIO:
        """Opens it. Raises ImportError that names the extra where there is no fsspec."""
        opened: Any = _fsspec().open(self.url, "rb")
        file: BinaryIO = opened.open()
        return file


def names(url: str, endings: tuple[str, ...]) -> list[str] | None:
    """The URLs of the files that one names: itself, the matches of a glob, or what ends as logs do in a folder.

    None where there is nothing. Raises ImportError where a package is missing, ValueError for an unknown protocol, and
    what the store raises.
    """
    files, path = _store(url)
    if "*" in path or "[" in path or ("?" in path and not url.startswith("http")):
        found = sorted(match for match, about in files.glob(path, detail=True).items() if about["type"] != "directory")
        return [files.unstrip_protocol(match) for match in found] or None
    if url.startswith("http"):
        return [url] if files.exists(path) else None
    if files.isdir(path):
        found = sorted(name for name in files.find(path) if name.lower().endswith(endings) and not _hidden(name, path))
        return [files.unstrip_protocol(name) for name in found]
    return [files.unstrip_protocol(path)] if files.exists(path) else None


def state(url: str) -> dict[str, Any] | None:
    """What tells whether a file has changed; None where the store does not say."""
    try:
        files, path = _store(url)
        about = files.info(path)
    except Exception:  # reading it will tell
        return None
    tag = next((str(about[name]) for name in _TAGS if about.get(name)), None)
    return None if tag is None else {"size": about.get("size"), "changed": tag}


def size(url: str) -> int | None:
    """How many bytes it has on the store; None where the store does not say. What was listed is not asked for again."""
    try:
        files, path = _store(url)
        found: int | None = files.info(path).get("size")
    except Exception:  # reading it will tell
        return None
    return found


def _store(url: str) -> tuple[Any, str]:
    store, path = _fsspec().core.url_to_fs(url)
    return store, path


def _fsspec() -> Any:
    try:
        import fsspec
    except ImportError:
        raise ImportError("URLs need fsspec: pip install 'respstream[remote]'") from None
    return fsspec


def _hidden(name: str, folder: str) -> bool:
    return any(part.startswith(".") for part in name.removeprefix(folder).split("/"))
