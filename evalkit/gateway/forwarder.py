"""Inside a box: passes every connection to 127.0.0.1:PORT on to a unix socket, the only way out there is.

``python3 -S -E forwarder.py PORT SOCKET [--ready-fd N]``. One file of the standard library, which prints nothing. With
``--ready-fd`` it writes a line to that descriptor once connections are accepted, and closes it. It ends with status 2
for a wrong command line, and 1 when the port is taken.
"""

import contextlib
import os
import selectors
import socket
import sys

_LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 65536
_BACKLOG = 1024
_PAUSE_S = 0.05


class Pipe:
    """One direction of a connection: what was read from `source` and not yet written to `target`."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.pending = b""
        self.is_ended = False
        self.is_closed = False

    def pump(self, *, readable: bool, writable: bool) -> None:
        """Read if nothing is pending, write what is, and pass the end on. Raises OSError for a broken connection."""
        if readable and not self.pending and not self.is_ended:
            with contextlib.suppress(BlockingIOError, InterruptedError):
                self.pending = self.source.recv(_CHUNK_BYTES)
                self.is_ended = not self.pending
                writable = True
        if writable and self.pending:
            with contextlib.suppress(BlockingIOError, InterruptedError):
                self.pending = self.pending[self.target.send(self.pending) :]
        if self.is_ended and not self.pending and not self.is_closed:
            self.is_closed = True
            self.target.shutdown(socket.SHUT_WR)


class Relay:
    """A client's connection and the one to the unix socket, with a pipe each way."""

    def __init__(self, client: socket.socket, door: socket.socket) -> None:
        self.sockets = (client, door)
        self.pipes = (Pipe(client, door), Pipe(door, client))

    def events_for(self, end: socket.socket) -> int:
        """Return what to wait for at one end; 0: nothing."""
        wanted = 0
        for pipe in self.pipes:
            if pipe.source is end and not pipe.pending and not pipe.is_ended:
                wanted |= selectors.EVENT_READ
            if pipe.target is end and pipe.pending:
                wanted |= selectors.EVENT_WRITE
        return wanted

    def pump(self, end: socket.socket, events: int) -> None:
        """Do what `end` is ready for. Raises OSError for a broken connection."""
        for pipe in self.pipes:
            pipe.pump(
                readable=pipe.source is end and bool(events & selectors.EVENT_READ),
                writable=pipe.target is end and bool(events & selectors.EVENT_WRITE),
            )

    @property
    def is_over(self) -> bool:
        """Whether both directions have ended."""
        return all(pipe.is_closed for pipe in self.pipes)


class Forwarder:
    """Accepts connections and relays them, in one thread, for as long as the process lives.

    Args:
        listener: A listening socket.
        path: The unix socket that every connection goes to.

    """

    def __init__(self, listener: socket.socket, path: str) -> None:
        self._listener = listener
        self._path = path
        self._selector = selectors.DefaultSelector()
        listener.settimeout(0)
        self._selector.register(listener, selectors.EVENT_READ)
        self._is_paused = False

    def run(self) -> None:
        """Relay for ever."""
        while True:
            self.step(_PAUSE_S if self._is_paused else None)

    def step(self, timeout_s: float | None = None) -> None:
        """Do what there is to do; wait for it for `timeout_s`, or as long as it takes."""
        ready = self._selector.select(timeout_s)
        if self._is_paused:
            self._is_paused = False
            self._selector.register(self._listener, selectors.EVENT_READ)
        for key, events in ready:
            if key.data is None:
                self._accept()
            else:
                self._relay(key.data, key.fileobj, events)

    def _accept(self) -> None:
        try:
            door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:
            self._pause()
            return
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            door.close()
            return
        except OSError:
            door.close()
            self._pause()
            return
        try:
            door.connect(self._path)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.settimeout(0)
            door.settimeout(0)
        except OSError:
            client.close()
            door.close()
            return
        relay = Relay(client, door)
        for end in relay.sockets:
            self._selector.register(end, relay.events_for(end), relay)

    def _pause(self) -> None:
        """Accept nothing for a moment: no descriptor is left, and connections have to end first."""
        self._is_paused = True
        self._selector.unregister(self._listener)

    def _relay(self, relay: Relay, end: object, events: int) -> None:
        if not isinstance(end, socket.socket) or end.fileno() < 0:
            return  # its other end broke in the same round
        try:
            relay.pump(end, events)
        except OSError:
            self._close(relay)
            return
        if relay.is_over:
            self._close(relay)
            return
        registered = self._selector.get_map()
        for side in relay.sockets:
            wanted = relay.events_for(side)
            if side not in registered:
                if wanted:
                    self._selector.register(side, wanted, relay)
            elif not wanted:
                self._selector.unregister(side)
            elif self._selector.get_key(side).events != wanted:
                self._selector.modify(side, wanted, relay)

    def _close(self, relay: Relay) -> None:
        for end in relay.sockets:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()


def main(arguments: list[str]) -> int:
    """Listen and relay; return the exit status when that cannot be."""
    try:
        port, path, *rest = arguments
        ready_fd = int(rest[1]) if rest[:1] == ["--ready-fd"] and len(rest) == 2 else None
        if rest and ready_fd is None:
            return 2
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, int(port)))
        listener.listen(_BACKLOG)
    except (ValueError, OverflowError):
        return 2
    except OSError:
        return 1
    forwarder = Forwarder(listener, path)
    if ready_fd is not None:
        with contextlib.suppress(OSError):
            os.write(ready_fd, b"ready\n")
            os.close(ready_fd)
    with contextlib.suppress(KeyboardInterrupt):
        forwarder.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
