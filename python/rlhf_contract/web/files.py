"""The built page in memory: small files, compressed once, named by their content where they may be kept for ever."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from rlhf_contract.errors import SetupError
from rlhf_contract.hashing import keccak256

__all__ = ["STATIC", "Files"]

STATIC = Path(__file__).with_name("static")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    packed: bytes
    type: str
    tag: str
    lasting: bool


class Files:
    """Raises SetupError when the page was not built."""

    def __init__(self, folder: Path = STATIC) -> None:
        if not (folder / "index.html").is_file():
            raise SetupError(f"{folder} has no page; run `make setup` in the project's folder")
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": _read(path, folder)
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES
        }
        self._files["/"] = self._files["/index.html"]

    def answer(self, request: Request) -> Response | None:
        """The file at this address; None if there is none."""
        file = self._files.get(request.url.path)
        if file is None:
            return None
        headers = {
            "ETag": file.tag,
            "Vary": "Accept-Encoding",
            "Cache-Control": "public, max-age=31536000, immutable" if file.lasting else "no-cache",
        }
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        accepted = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        if "gzip" in accepted and len(file.packed) < len(file.data):
            return Response(file.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.type)
        return Response(file.data, headers=headers, media_type=file.type)


def _read(path: Path, folder: Path) -> _File:
    data = path.read_bytes()
    lasting = path.parent != folder  # Vite puts what is named by its content into a folder of its own
    return _File(data, gzip.compress(data, 9, mtime=0), TYPES[path.suffix], f'"{keccak256(data).hex()[:32]}"', lasting)
