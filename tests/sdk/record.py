"""Stands between a client and a server on loopback: passes every request on as it came and writes it down.

    python3 record.py UPSTREAM_PORT OUT

prints the port it listens on. `POST /__case/<name>` names the case that the next requests belong to. What it writes is
one JSON object a line: case, method, path, headers, body (base64), and the status that came back.
"""

import base64
import http.client
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CASE = "/__case/"
# These belong to one connection, and this is another.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Recorder(ThreadingHTTPServer):
    def __init__(self, upstream: int, out: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.case = ""
        self.out = open(out, "a", encoding="utf-8")  # noqa: SIM115 - it is open as long as the process
        self.lock = threading.Lock()

    def write(self, record: dict) -> None:
        with self.lock:
            self.out.write(json.dumps(record) + "\n")
            self.out.flush()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_POST(self) -> None:
        body = self.body()
        if self.path.startswith(CASE):
            self.server.case = self.path.removeprefix(CASE)
            self.send_response(204)
            self.end_headers()
            return
        self.forward(body)

    def do_GET(self) -> None:
        self.forward(self.body())

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def forward(self, body: bytes) -> None:
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP]
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        # One SDK drops the path of its base URL.
        path = self.path if self.path.startswith("/sandbox/") else f"/sandbox/{self.provider()}{self.path}"
        upstream.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() != "content-length":
                upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        record = {"case": self.server.case, "method": self.command, "path": path, "headers": headers}
        record |= {"body": base64.b64encode(body).decode("ascii"), "status": answer.status}
        record |= {"answer": content.decode("utf-8", "replace")[:2000]}
        self.server.write(record)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def provider(self) -> str:
        _, provider, _ = self.server.case.split("/")
        return provider

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    recorder = Recorder(int(sys.argv[1]), sys.argv[2])
    print(recorder.server_address[1], flush=True)
    recorder.serve_forever()
