"""The objects below an address, and the only door to fsspec: listed, read, written; what went wrong in one sentence.

Where the storage is and who asks are settled the standard way: for ``s3`` by ``AWS_ENDPOINT_URL``, ``AWS_REGION``,
``AWS_PROFILE``, ``AWS_ACCESS_KEY_ID`` and what else the AWS libraries look at. A message names codes and variables
only: what a library or a server says may quote a key.
"""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evalkit.errors import ConfigError, ObjectStorageError
from evalkit.object_storage.addresses import bucket_of, checked_address, is_address, scheme_of

PROBE = ".evalkit-probe"
"""How the names of objects begin that only find out whether one can write."""

# Scheme -> what installs it.
_INSTALLED_BY = {
    "s3": "pip install '.[s3]'",
    "gs": "pip install gcsfs",
    "gcs": "pip install gcsfs",
    "az": "pip install adlfs",
    "abfs": "pip install adlfs",
}
_LOCAL = ("file", "local")
# What a storage that does not answer may take before it is said: seconds, and tries.
_CONNECT_S, _READ_S, _TRIES = 5, 30, 2
_KEY_CODES = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure",
    "InvalidClientTokenId", "UnrecognizedClientException", "TokenRefreshRequired",
)  # fmt: skip
_NO_KEY_TYPES = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError",
    "DefaultCredentialsError", "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError")  # fmt: skip
_SILENT_TYPES = ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
    "ConnectionError", "TimeoutError", "ClientConnectorError", "ServerDisconnectedError", "HTTPClientError",
    "FSTimeoutError", "ClientOSError")  # fmt: skip
_RIGHTS_CODES = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem")
_SAFE_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")


@dataclass(frozen=True)
class StoredObject:
    """One object below an address.

    Attributes:
        version: Another one whenever the object was written again: its entity tag where the storage has one.
        size_bytes: Its size.

    """

    version: str
    size_bytes: int


class ObjectStore:
    """The objects below one address; names are relative to it, with forward slashes.

    Every method raises ObjectStorageError with one sentence, which says where, what and what to do.

    Args:
        address: A checked address (:func:`~evalkit.object_storage.addresses.checked_address`).

    Raises:
        ConfigError: What its scheme needs is not installed, or there is no such scheme.

    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._files = _open_file_system(address)
        self._root = str(self._files._strip_protocol(address)).rstrip("/")  # noqa: SLF001  as fsspec itself documents

    def below(self, name: str) -> ObjectStore:
        """Return the objects below a folder of this address."""
        other = object.__new__(ObjectStore)
        other.address, other._files, other._root = f"{self.address}/{name}", self._files, f"{self._root}/{name}"
        return other

    def list_objects(self) -> dict[str, StoredObject]:
        """Return all objects below the address, by name; none where nothing lies there."""
        with self._explained("listed"):
            try:
                found = self._files.find(self._root, detail=True)
            except FileNotFoundError as error:
                if _code_of(error) == "NoSuchBucket":
                    raise
                found = {}
        prefix = f"{self._root}/"
        objects = {}
        for path, told in found.items():
            name = str(path).lstrip("/").removeprefix(prefix.lstrip("/"))
            if _is_safe(name) and str(path).lstrip("/").startswith(prefix.lstrip("/")):
                objects[name] = StoredObject(_version(told), int(told.get("size") or 0))
        return objects

    def look_up(self, names: Iterable[str]) -> dict[str, StoredObject]:
        """Return the objects of these names that there are, each asked for by itself: for a few among many."""
        found = {}
        with self._explained("read"):
            for name in names:
                with suppress(FileNotFoundError):
                    told = self._files.info(f"{self._root}/{name}")
                    found[name] = StoredObject(_version(told), int(told.get("size") or 0))
        return found

    def read(self, name: str) -> bytes | None:
        """Return an object's content; None where there is none."""
        with self._explained("read"):
            try:
                return bytes(self._files.cat_file(f"{self._root}/{name}"))
            except FileNotFoundError as error:
                if _code_of(error) == "NoSuchBucket":
                    raise
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write an object; it is there whole or not at all."""
        with self._explained("written"):
            self._files.pipe_file(f"{self._root}/{name}", content)

    def remove(self, name: str) -> None:
        """Remove an object."""
        with self._explained("removed from"):
            self._files.rm_file(f"{self._root}/{name}")

    def upload(self, files: Mapping[str, Path]) -> None:
        """Write an object of each file, several at a time."""
        if files:
            with self._explained("written"):
                self._files.put([str(path) for path in files.values()], [f"{self._root}/{name}" for name in files])

    def download(self, names: Sequence[str], folder: Path) -> None:
        """Write the objects of these names into `folder`, several at a time."""
        if not names:
            return
        for parent in {(folder / name).parent for name in names}:
            parent.mkdir(parents=True, exist_ok=True)
        with self._explained("read"):
            self._files.get([f"{self._root}/{name}" for name in names], [str(folder / name) for name in names])

    def probe(self) -> None:
        """Find out whether this address can be listed, written and read: an object is written, read and removed."""
        content = uuid.uuid4().hex.encode()
        process = f"{socket.gethostname()}:{os.getpid()}"  # where nothing may be removed, one of each is left, not more
        name = f"{PROBE}-{sha256(process.encode()).hexdigest()[:12]}"
        self.list_probe()
        self.write(name, content)
        if self.read(name) != content:
            raise ObjectStorageError(
                f"{self.address}: what was written just now does not read back; "
                "runs need a storage whose objects can be read as soon as they are written"
            )
        with suppress(ObjectStorageError):  # nothing else is ever removed there
            self.remove(name)

    def list_probe(self) -> None:
        """Find out whether what lies there can be listed."""
        with self._explained("listed"), suppress(FileNotFoundError):
            self._files.ls(self._root, detail=False)

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (ConfigError, ObjectStorageError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a storage's library raises
            raise ObjectStorageError(_explain(self.address, verb, error)) from None


def find_output_problem(output_dir: str) -> str | None:
    """Return why runs cannot be kept at `output_dir`, as far as that can be known without asking the storage."""
    if is_address(output_dir):
        try:
            ObjectStore(checked_address(output_dir))
        except ConfigError as error:
            return f"output_dir: {error}"
    return None


def _open_file_system(address: str) -> Any:
    scheme = scheme_of(address)
    install = _INSTALLED_BY.get(scheme)
    if scheme in _LOCAL:
        raise ConfigError(f"{address}: is on this machine; write the folder itself, without {scheme}://")
    try:
        import fsspec
    except ImportError as error:
        raise ConfigError(f"{address}: fsspec is not installed; install it with: {install or _PIP_S3}") from error
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if scheme == "s3":
        config = {"connect_timeout": _CONNECT_S, "read_timeout": _READ_S, "retries": {"max_attempts": _TRIES}}
        options |= {"config_kwargs": config, "default_cache_type": "none"}
    try:
        return fsspec.filesystem(scheme, **options)
    except ImportError as error:
        advice = install or "install the package that fsspec names for it"
        raise ConfigError(f"{address}: what reads and writes {scheme}:// is not installed; {advice}") from error
    except ValueError as error:
        known = "s3 (tried), and gs, az and others of fsspec"
        raise ConfigError(f"{address}: {scheme!r} is not a storage that fsspec knows; expected {known}") from error
    except Exception as error:  # noqa: BLE001  whatever a storage's library raises
        raise ConfigError(_explain(address, "opened", error)) from None


_PIP_S3 = _INSTALLED_BY["s3"]


def _explain(address: str, verb: str, error: BaseException) -> str:
    """Return what went wrong in one sentence, without a word of the storage's."""
    types = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    code = _code_of(error)
    where = _endpoint(address)
    if code == "NoSuchBucket" or (isinstance(error, FileNotFoundError) and verb == "written"):
        return f"{address}: there is no bucket {bucket_of(address)!r} at {where}; make it first, or name another"
    if code in _KEY_CODES:
        advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE" if _is_s3(address) else "set another"
        return f"{address}: {where} does not accept the key ({code}); {advice}"
    if types & {*_NO_KEY_TYPES}:
        kind = next(name for name in _NO_KEY_TYPES if name in types)
        advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE" if _is_s3(address) else "set one"
        return f"{address}: no key was found for {where} ({kind}); {advice}"
    if code in _RIGHTS_CODES or isinstance(error, PermissionError):
        found = f"{address}: cannot be {verb} with this key ({code or type(error).__name__})"
        return f"{found}; it needs the rights to list, read and write there"
    if types & {*_SILENT_TYPES}:
        kind = next(name for name in _SILENT_TYPES if name in types)
        advice = "AWS_ENDPOINT_URL and the network" if _is_s3(address) else "the network"
        return f"{address}: {where} does not answer ({kind}); look at {advice}"
    return f"{address}: cannot be {verb} ({code or type(error).__name__})"


def _is_s3(address: str) -> bool:
    return scheme_of(address) == "s3"


def _endpoint(address: str) -> str:
    """Return where an address is asked for, as a person would say it: never with what may be a password."""
    chosen = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not _is_s3(address) or not chosen:
        return "its endpoint"
    url = urlsplit(chosen)
    with suppress(ValueError):
        return f"{url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}"
    return "AWS_ENDPOINT_URL"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1


def _code_of(error: BaseException) -> str:
    """Return the code that the storage answered with, empty where it gave none that can be shown."""
    for link in _chain(error):
        response = getattr(link, "response", None)
        if isinstance(response, dict):
            code = str(response.get("Error", {}).get("Code", ""))
            return code if _SAFE_CODE.fullmatch(code) else ""
    return ""


def _version(told: Mapping[str, Any]) -> str:
    """Return what changes whenever an object is written, from a listing's line."""
    for name in ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "created"):
        if told.get(name):
            return f"{told[name]}".strip('"')
    return str(told.get("size"))


def _is_safe(name: str) -> bool:
    """Whether an object's name can be a file's below a folder: storage can be written by anybody who has a key."""
    parts = name.split("/")
    return not any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts)
