"""Drives one pseudo-terminal on the running event loop: reads, answers, types and records, and never waits for anyone.

Whoever uses it starts the program, with :attr:`Terminal.child_fd` as its standard input, output and error and as its
controlling terminal, and then calls :meth:`Terminal.close_child`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
import time
from collections import deque

from evalkit.pty.keys import encode_key, encode_paste
from evalkit.pty.recording import TerminalRecording
from evalkit.pty.screen import Mark, Screen, ScreenEvent

BRACKETED_PASTE, APPLICATION_CURSOR = 2004, 1
OUTPUT_LIMIT_BYTES = 4_000_000
INPUT_LIMIT_BYTES = 1_000_000
REPLY_LIMIT = 1_000

_READ_BYTES = 64 * 1024
_RETRY_S = 0.01
_TIOCGPTPEER = 0x5441
_CELL_WIDTH_PX, _CELL_HEIGHT_PX = 8, 16
_EVENT_LIMIT = 1_000


class Terminal:
    """A pseudo-terminal, its screen and its recording; made by :meth:`open` on a running event loop.

    Times are those of `time.monotonic`, in seconds. Attributes that tell what happened:

    Attributes:
        screen: What the program has drawn.
        opened_s: When the terminal was opened; times of the recording are counted from here.
        bytes_received: How much the program has written.
        last_output_s: When it last wrote; None before it has.
        last_input_s: When its user last typed something; None before that.
        eof: Whether nobody holds the other side any more, so that nothing more will come.
        flooded: Whether the program wrote more than the limit since the last input. Then it is not read any more, and
            so stands still, until the next input.
        replies_sent: How many replies of the terminal to queries were sent to the program.
        replies_withheld: How many were not, because 1,000 or more had been since the last input of the user.
        input_refused_bytes: How much input was refused, because the program did not read what was typed before.

    """

    def __init__(self, master: int, child: int, screen: Screen, recording: TerminalRecording, limit_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._master = master
        self._child: int | None = child
        self._output_limit_bytes = limit_bytes
        self._device = os.fstat(child).st_rdev
        self._recording = recording
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._retry: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._inputs: list[list[float]] = []
        self._events: deque[tuple[float, ScreenEvent]] = deque(maxlen=_EVENT_LIMIT)
        self._since_input_bytes = 0
        self._replies_since_input = 0
        self._reading = True
        self._closed = False
        self.screen = screen
        self.opened_s = time.monotonic()
        self.bytes_received = 0
        self.last_output_s: float | None = None
        self.last_input_s: float | None = None
        self.eof = False
        self.flooded = False
        self.replies_sent = 0
        self.replies_withheld = 0
        self.input_refused_bytes = 0
        self._loop.add_reader(master, self._read)

    @classmethod
    def open(
        cls,
        columns: int,
        rows: int,
        *,
        recording: TerminalRecording,
        output_limit_bytes: int = OUTPUT_LIMIT_BYTES,
    ) -> Terminal:
        """Return a new terminal of that size, empty.

        Args:
            columns: The width in cells.
            rows: The height in cells.
            recording: Where all that happens is recorded.
            output_limit_bytes: How much the program may write between two inputs of its user.

        Raises:
            ConfigError: The emulator is not installed.
            OSError: The system has no pseudo-terminal left.

        """
        screen = Screen(columns, rows)
        master, child = os.openpty()
        os.set_blocking(master, False)
        terminal = cls(master, child, screen, recording, output_limit_bytes)
        terminal._set_size(columns, rows)
        return terminal

    @property
    def child_fd(self) -> int:
        """The descriptor that the program gets. Raises ValueError after :meth:`close_child`."""
        if self._child is None:
            raise ValueError("the child's side of the terminal is closed")
        return self._child

    @property
    def device(self) -> int:
        """The device number of the program's side, by which /proc tells who has it open."""
        return self._device

    @property
    def recording(self) -> TerminalRecording:
        """Where all that happens is recorded."""
        return self._recording

    @property
    def drew_anything(self) -> bool:
        """Whether anything is visible, or has scrolled away."""
        return bool(self.bytes_received) and bool(self.screen.text() or self.screen.scrollback_text())

    @property
    def bytes_since_input(self) -> int:
        """How much the program has written since its user last typed something."""
        return self._since_input_bytes

    @property
    def edits_lines(self) -> bool:
        """Whether the terminal itself shows and edits what is typed, for a program that reads whole lines."""
        if self._closed:
            return False
        flags: int = termios.tcgetattr(self._master)[3]
        return bool(flags & termios.ICANON and flags & termios.ECHO)

    def close_child(self) -> None:
        """Close our copy of the program's side, once the program has its own; else its end would not be seen."""
        if self._child is not None:
            os.close(self._child)
            self._child = None

    def write(self, data: bytes, *, echo_to_recording: bool = True) -> bool:
        """Send `data` to the program as its user's input, in order, as soon as it takes it; return at once.

        Returns False, with nothing sent, where too much waits already for a program that does not read, or where nobody
        is there any more. What the program may write, and the replies it may ask for, are counted anew from here.
        """
        if self.eof or self._closed or self._queued_bytes + len(data) > INPUT_LIMIT_BYTES:
            self.input_refused_bytes += len(data)
            return False
        now_s = time.monotonic()
        self.last_input_s = now_s
        self._inputs.append([now_s])
        if echo_to_recording:
            self._recording.input(now_s - self.opened_s, data)
        self._since_input_bytes = self._replies_since_input = 0
        self._put(data)
        if self.flooded:
            self.flooded = False
            self._start_reading()
        return True

    def send_text(self, text: str) -> bool:
        """Give `text` as one paste where the program knows pastes, else as it is; without Enter. As :meth:`write`."""
        return self.write(encode_paste(text, bracketed=self.screen.mode(BRACKETED_PASTE)))

    def type_text(self, text: str) -> bool:
        """Type `text` key by key, at once; without Enter. A line break, which a key cannot say, makes it a paste."""
        if not text.isprintable():
            return self.send_text(text)
        flags = self.screen.kitty_flags
        return self.write(b"".join(encode_key(sign, kitty_flags=flags) for sign in text))

    def press(self, name: str) -> bool:
        """Press one key, in the form the program asked for. As :meth:`write`; raises ValueError for an unknown name."""
        return self.write(
            encode_key(
                name,
                application_cursor=self.screen.mode(APPLICATION_CURSOR),
                kitty_flags=self.screen.kitty_flags,
            )
        )

    def resize(self, columns: int, rows: int) -> None:
        """Change the size and tell the program, as a window does. Raises ValueError for a size no terminal has."""
        self.screen.resize(columns, rows)
        self._set_size(columns, rows)
        self._recording.resize(time.monotonic() - self.opened_s, columns, rows)

    def first_output_after(self, input_s: float) -> float | None:
        """Return when the program first wrote after an input; None as long as it has not.

        `input_s` is what :attr:`last_input_s` was after that input.
        """
        for times in self._inputs:
            if times[0] >= input_s:
                return times[1] if len(times) > 1 else None
        return None

    def pending_input(self) -> int:
        """Return how many bytes of input the program has not read yet; 0 where it cannot be told.

        In a terminal that edits lines, those of a line that Enter has not ended are not counted.
        """
        if self.eof or self._closed:
            return 0
        if self._child is not None:
            return self._queued_bytes + _count_readable(self._child)
        try:
            peer = fcntl.ioctl(self._master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return self._queued_bytes
        try:
            return self._queued_bytes + _count_readable(peer)
        finally:
            os.close(peer)

    def mark(self) -> Mark:
        """Remember what is shown now, for :meth:`text_since`."""
        return self.screen.mark()

    def text_since(self, mark: Mark) -> str:
        """Return what was drawn since `mark`: see :meth:`evalkit.pty.screen.Screen.text_since`."""
        return self.screen.text_since(mark)

    def take_events(self) -> list[tuple[float, ScreenEvent]]:
        """Return what the program told its terminal since the last call, and when; only the last 1,000 are kept."""
        taken = list(self._events)
        self._events.clear()
        return taken

    def catch_up(self) -> None:
        """Take what the program has written by now, without waiting for the event loop to come to it."""
        if self._reading:
            self._read()

    async def changed(self, timeout_s: float) -> bool:
        """Wait for output, the end or a flood since the last call, at most so long; return whether there was any."""
        if not self._changed.is_set():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return False
        self._changed.clear()
        return True

    def close(self) -> None:
        """Close both sides; the program, should it still run, gets a hangup. May be called more than once."""
        if self._closed:
            return
        self._closed = True
        self._stop_reading()
        self._forget_queue()
        self.close_child()
        os.close(self._master)
        self._changed.set()

    def _set_size(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, columns * _CELL_WIDTH_PX, rows * _CELL_HEIGHT_PX)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _read(self) -> None:
        try:
            data = os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # how Linux says that nobody holds the other side
            data = b""
        if data:
            self._take(data)
        else:
            self.eof = True
            self._stop_reading()
            self._forget_queue()
        self._changed.set()

    def _take(self, data: bytes) -> None:
        now_s = time.monotonic()
        self.last_output_s = now_s
        self.bytes_received += len(data)
        self._since_input_bytes += len(data)
        for times in reversed(self._inputs):
            if len(times) > 1:
                break
            times.append(now_s)
        self._recording.output(now_s - self.opened_s, data)
        made, dropped = self.screen.replies_made, self.screen.replies_dropped
        replies = self.screen.feed(data)
        self._events += [(now_s, event) for event in self.screen.take_events()]
        if replies:
            dropped = self.screen.replies_dropped - dropped
            self._reply(replies, self.screen.replies_made - made - dropped, dropped)
        if self._since_input_bytes > self._output_limit_bytes and not self.flooded:
            self.flooded = True
            self._stop_reading()
            self._recording.marker(now_s - self.opened_s, f"flood: more than {self._output_limit_bytes} bytes")

    def _reply(self, replies: bytes, count: int, dropped: int) -> None:
        too_many = self._replies_since_input >= REPLY_LIMIT
        self._replies_since_input += count
        if too_many or self._queued_bytes + len(replies) > INPUT_LIMIT_BYTES:
            if not self.replies_withheld:
                self._recording.marker(time.monotonic() - self.opened_s, "too many queries: not answered any more")
            self.replies_withheld += count + dropped
            return
        self.replies_sent += count
        self.replies_withheld += dropped
        self._put(replies)

    def _put(self, data: bytes) -> None:
        if data:
            self._queue.append(data)
            self._queued_bytes += len(data)
            if self._retry is None:
                self._send()

    def _send(self) -> None:
        """Write what waits, as much as the program's side takes; try the rest again a little later.

        The system calls a terminal writable that takes nothing more, so that waiting for that would be a busy loop.
        """
        self._retry = None
        while self._queue:
            piece = self._queue.popleft()
            try:
                sent = os.write(self._master, piece)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._queue.appendleft(piece)
                self._forget_queue()
                return
            self._queued_bytes -= sent
            if sent < len(piece):
                self._queue.appendleft(piece[sent:])
                if sent == 0:
                    self._retry = self._loop.call_later(_RETRY_S, self._send)
                    return

    def _forget_queue(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _start_reading(self) -> None:
        if not (self._reading or self.eof or self._closed):
            self._reading = True
            self._loop.add_reader(self._master, self._read)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._master)


def _count_readable(descriptor: int) -> int:
    try:
        found = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    except OSError:
        return 0
    return max(0, int(struct.unpack("i", found)[0]))
