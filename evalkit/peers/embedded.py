"""The embedded provider as commands see it: a child process that every job of a line shares, or a job's own.

The address of a running service is passed to jobs in the environment, by the machine and the engines it was started
with, so that a job in another process on this machine finds it, and one on another machine starts its own.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from urllib.parse import urlsplit

from evalkit.peers.shared_addresses import read_shared, sharing
from evalkit.records.json import content_sha256
from evalkit.service.child import ENGINES, ServiceChild, ServiceOptions, start
from evalkit.service.warm import WarmService, find_or_start, folder, may_be_kept
from evalkit.settings.types import ServiceSettings
from evalkit.store.host import host_identity

_ADDRESSES = "EVALKIT_SERVICES"
_CONNECT_S = 5.0


@contextmanager
def shared_services(
    services: Iterable[ServiceSettings], *, engines: Collection[str] = ENGINES
) -> Iterator[frozenset[str]]:
    """Start each distinct one of `services`, for all jobs until the block ends; yield the models they have.

    One that a parent process shares already is used; the others are started with `engines` loaded and released when
    the block ends.
    """
    known = read_shared(_ADDRESSES)
    with ExitStack() as stack:
        for service in services:
            if (name := _name(service)) not in known:
                child = _start(service, engines)
                stack.enter_context(child)
                known[name] = {"url": child.url, "models": sorted(child.models)}
        stack.enter_context(sharing(_ADDRESSES, known))
        yield frozenset(model for service in known.values() for model in service["models"])


@contextmanager
def service_url(service: ServiceSettings, *, needed: bool, engines: Collection[str] = ENGINES) -> Iterator[str | None]:
    """Yield the base URL of `service`: the shared one while it lives, else one started for this block, with `engines`.

    None when no role needs the embedded provider.
    """
    if not needed:
        yield None
        return
    shared = read_shared(_ADDRESSES).get(_name(service))
    if shared is not None and _listens(str(shared["url"])):
        yield str(shared["url"])
        return
    with _start(service, engines) as child:
        yield child.url


def _listens(url: str) -> bool:
    """Tell whether anybody listens there: a job that a queue held back may outlive the line that has shared it."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=_CONNECT_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:  # too busy to say: whoever calls there will know better
        return True
    return True


def _start(service: ServiceSettings, engines: Collection[str]) -> ServiceChild | WarmService:
    options = replace(_options(service), warm=tuple(sorted(engines)))
    if may_be_kept(options):
        return find_or_start(options, folder(os.environ), host_identity())
    return start(options)


def _options(service: ServiceSettings) -> ServiceOptions:
    """Return the options of a service to start; engines that the mode does not name get their defaults."""
    return ServiceOptions(**{name: value for name, value in asdict(service).items() if value is not None})


def _name(service: ServiceSettings) -> str:
    """Return the name of a shared service: everything that decides its answers."""
    told = {key: value for key, value in asdict(_options(service)).items() if key not in ("warm", "keep_alive_s")}
    return content_sha256(told)[:16]
