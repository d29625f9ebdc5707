"""A wire between browser and server that a test can cut, and one that it can hold up.

`Wire` ends every socket and lets none in; `Slow` keeps what either side says for later.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time

from playwright.sync_api import BrowserContext, Page, WebSocketRoute


class Wire:
    """Forwards a port of its own to another on this machine until it is closed.

    With `delay_ms`, what either side says on a web socket arrives up to so much later, in order and
    each time by another amount: how tests (and desks) that lean on being quick are found.
    """

    def __init__(self, port: int, delay_ms: int = 0) -> None:
        self._to = port
        self._delay_s = delay_ms / 1000
        self._ears = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._ears.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._is_cut = False
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """End every connection; new ones end at once, until `mend`."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, set()
        for end in ends:
            _end(end)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        """End everything for good."""
        self.cut()
        _end(self._ears)

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._ears.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to), timeout=5)
                far.settimeout(None)
            except OSError:
                _end(near)
                continue
            with self._lock:
                is_cut = self._is_cut
                if not is_cut:
                    self._ends |= {near, far}
            if is_cut:
                _end(near)
                _end(far)
                continue
            is_spoken = threading.Event()  # a web socket, not a file that is fetched
            for one, other in ((near, far), (far, near)):
                ends = (one, other, is_spoken)
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, is_spoken: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if b"upgrade: websocket" in data.lower():
                    is_spoken.set()
                elif self._delay_s and is_spoken.is_set():
                    time.sleep(random.uniform(0, self._delay_s))
                other.sendall(data)
        _end(one)
        _end(other)
        with self._lock:
            self._ends -= {one, other}


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


class Slow:
    """The web sockets of a context, on which one side after the other can be made to wait.

    Made before the page opens; what is held keeps its order.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._until: bytes | None = None
        self._answers: list[tuple[WebSocketRoute, str | bytes]] = []
        self._requests: list[tuple[WebSocketRoute, str | bytes]] = []
        self._is_deaf = False
        context.route_web_socket("**/_stcore/stream", self._join)

    def hold(self, until: bytes) -> None:
        """Keep what the server says; once that holds `until`, what the browser says too."""
        self._until = until

    def wait_until_held(self, page: Page) -> None:
        """Wait until the server has said what `hold` named."""
        for _ in range(400):
            if self._is_deaf:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"the server never said {self._until!r}")

    def let_answers_through(self) -> None:
        """Hand the browser what the server has said; it is still not heard itself."""
        self._until = None
        answers, self._answers = self._answers, []
        for way, said in answers:
            way.send(said)

    def let_requests_through(self) -> None:
        """Hear the browser again, with what it has said meanwhile."""
        self._is_deaf = False
        requests, self._requests = self._requests, []
        for way, said in requests:
            way.send(said)

    def _join(self, near: WebSocketRoute) -> None:
        far = near.connect_to_server()

        def answer(said: str | bytes) -> None:
            if self._until is None:
                near.send(said)
                return
            self._answers.append((near, said))
            self._is_deaf = self._is_deaf or (isinstance(said, bytes) and self._until in said)

        def request(said: str | bytes) -> None:
            if self._is_deaf:
                self._requests.append((far, said))
            else:
                far.send(said)

        far.on_message(answer)
        near.on_message(request)
