"""A network camera on loopback: JPEGs over HTTP, as real ones do; it can stall and hang up."""

import http.server
import itertools
import threading
from collections.abc import Callable


class Stream:
    """Serves `picture(k)`, a JPEG, for k = 0, 1, 2 ... `rate_hz` times a second.

    Clear `flowing` and it stalls; set `cut` and it hangs up. `connections` counts callers.
    """

    def __init__(self, picture: Callable[[int], bytes], rate_hz: float) -> None:
        self.flowing, self.cut, self.closing = (threading.Event() for _ in range(3))
        self.flowing.set()
        self.connections = 0
        stream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stream.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for k in itertools.count():
                        while not stream.flowing.wait(0.02) and not stream.closing.is_set():
                            pass
                        # The stream's own pace.
                        if stream.closing.wait(1 / rate_hz) or stream.cut.is_set():
                            return
                        jpeg = picture(k)
                        head = f"--frame\r\nContent-Length: {len(jpeg)}\r\n"
                        self.wfile.write(head.encode() + b"Content-Type: image/jpeg\r\n\r\n")
                        self.wfile.write(jpeg + b"\r\n")
                except OSError:
                    pass  # the camera went away

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/mouse.mjpg"

    def close(self) -> None:
        self.closing.set()
        self.flowing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
