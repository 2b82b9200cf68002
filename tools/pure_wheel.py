"""Builds the `py3-none-any` wheel from a platform wheel: the same Python files and metadata, without the extension.

    python tools/pure_wheel.py dist/respstream-0.1.0-cp311-abi3-linux_x86_64.whl

Writes the new wheel to the same folder. The output is reproducible: members are sorted and have a fixed time. The format
follows the binary distribution specification (`WHEEL`, `RECORD`).
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

TAG = "py3-none-any"
# The earliest time of the zip format.
EPOCH = (1980, 1, 1, 0, 0, 0)
NATIVE = re.compile(r"\.(so|pyd|dylib|dll|pdb)$|\.dist-info/sboms/|^[^/]+\.libs/")


def pure_wheel(source: Path) -> Path:
    """Write the pure-Python version of the wheel `source` to the same folder and return its path.

    Raises `ValueError` if `source` contains no extension.
    """
    with zipfile.ZipFile(source) as wheel:
        members = {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    kept = {name: data for name, data in members.items() if not NATIVE.search(name)}
    if len(kept) == len(members):
        raise ValueError(f"{source.name} contains no extension")
    info = _dist_info(kept)
    kept[f"{info}/WHEEL"] = _wheel_file(kept[f"{info}/WHEEL"])
    del kept[f"{info}/RECORD"]
    target = source.with_name(f"{info.removesuffix('.dist-info')}-{TAG}.whl")
    _write(target, kept, record=f"{info}/RECORD")
    return target


def _dist_info(members: dict[str, bytes]) -> str:
    (folder,) = {name.split("/")[0] for name in members if name.split("/")[0].endswith(".dist-info")}
    return folder


def _wheel_file(old: bytes) -> bytes:
    """Return the `WHEEL` file with the pure-Python tag as its only tag."""
    lines = [line for line in old.decode().splitlines() if line and not line.startswith(("Tag:", "Root-Is-Purelib:"))]
    return "\n".join([*lines, "Root-Is-Purelib: true", f"Tag: {TAG}", ""]).encode()


def _record(members: dict[str, bytes], name: str) -> bytes:
    """Return the `RECORD` file: one line per member with its SHA-256 (URL-safe base64, unpadded) and size in bytes."""
    lines = []
    for member, data in sorted(members.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{member},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{name},,", ""]).encode()


def _write(target: Path, members: dict[str, bytes], record: str) -> None:
    # The specification recommends the metadata at the end of the archive; RECORD is last.
    order = sorted(members, key=lambda name: (".dist-info/" in name, name))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in [*((name, members[name]) for name in order), (record, _record(members, record))]:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            # The archive records the operating system; a fixed value keeps the bytes the same on all systems.
            entry.create_system = 3
            wheel.writestr(entry, data)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: pure_wheel.py WHEEL…")
    for argument in sys.argv[1:]:
        print(pure_wheel(Path(argument)))
