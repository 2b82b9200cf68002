"""URLs, through fsspec: files, globs and folders of `s3://`, `gs://`, `https://` and its other protocols."""

from __future__ import annotations

from typing import Any, BinaryIO

_TAGS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created")


class Url:
    """Opens a URL that fsspec reads; picklable."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self) -> BinaryIO:
        """Opens it. Raises ImportError that names the extra if fsspec is not installed."""
        opened: Any = _fsspec().open(self.url, "rb")
        file: BinaryIO = opened.open()
        return file


def names(url: str, endings: tuple[str, ...]) -> list[str] | None:
    """The URLs of the files in a URL: a file, the matches of a glob, or the files of a folder with one of the `endings`.

    Returns None if there is none. Raises ImportError if a package is missing, ValueError for an unknown protocol, and the
    exceptions of the store.
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
    """Size and tag of a file, which change with its content; None if the store does not report them."""
    try:
        files, path = _store(url)
        about = files.info(path)
    except Exception:  # reading the file will raise it
        return None
    tag = next((str(about[name]) for name in _TAGS if about.get(name)), None)
    return None if tag is None else {"size": about.get("size"), "changed": tag}


def size(url: str) -> int | None:
    """The size of a file in bytes, None if the store does not report it; a listing of the folder is reused."""
    try:
        files, path = _store(url)
        found: int | None = files.info(path).get("size")
    except Exception:  # reading the file will raise it
        return None
    return found


def _store(url: str) -> tuple[Any, str]:
    store, path = _fsspec().core.url_to_fs(url)
    return store, path


def _fsspec() -> Any:
    try:
        import fsspec
    except ImportError:
        raise ImportError("reading URLs needs fsspec: pip install 'respstream[remote]'") from None
    return fsspec


def _hidden(name: str, folder: str) -> bool:
    return any(part.startswith(".") for part in name.removeprefix(folder).split("/"))
