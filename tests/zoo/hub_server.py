"""A local Hub that speaks the protocol of `huggingface_hub`, with faults."""

import contextlib
import hashlib
import json
import re
import socket
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from hub_routes import ROUTES


@dataclass
class Repo:
    """Branches, and the files of every commit."""

    private: bool = False
    gated: bool = False
    refs: dict = field(default_factory=lambda: {"main": "0" * 40})
    commits: dict = field(default_factory=lambda: {"0" * 40: {}})


@dataclass
class Fault:
    """What happens to the next requests that match.

    `act` is called with the handler and the answer `(status, headers, body)`
    and returns another answer, or None if it dealt with the connection.
    """

    pattern: str
    act: object
    times: int = 1


def status(code, headers=None):
    """Answers with an error."""
    return lambda handler, answer: (code, headers or {}, b"{}")


def cut(count):
    """Closes the connection after `count` bytes of the body."""

    def act(handler, answer):
        handler.begin(*answer[:2], len(answer[2]))
        handler.wfile.write(answer[2][:count])
        handler.wfile.flush()
        handler.close_connection = True

    return act


def wrong_bytes(handler, answer):
    """Turns over one bit; the length stays."""
    code, headers, body = answer
    return code, headers, body[:-1] + bytes([body[-1] ^ 1])


def short(handler, answer):
    """Leaves out the last byte, and says nothing of it."""
    code, headers, body = answer
    return code, headers, body[:-1]


class Gate:
    """Holds a request: before it is served, or within its answer."""

    def __init__(self, count=0, before=False):
        self.count, self.before = count, before
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, handler, answer):
        if self.count:
            handler.begin(*answer[:2], len(answer[2]))
            handler.wfile.write(answer[2][: self.count])
            handler.wfile.flush()
        self.reached.set()
        self.opened.wait()
        handler.close_connection = True


class Server(ThreadingHTTPServer):
    """Knows its connections, so that it can end them and their threads."""

    daemon_threads = False

    def __init__(self, *arguments):
        self.connections = set()
        super().__init__(*arguments)

    def process_request(self, request, address):
        self.connections.add(request)
        super().process_request(request, address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)


class Hub:
    """The state of the server, and the server itself."""

    def __init__(self):
        self.repos, self.lfs, self.tokens = defaultdict(Repo), {}, {}
        self.chunk_size, self.parts = None, defaultdict(dict)
        self.record, self.faults, self.gates = [], [], []
        self.lock, self.cdn = threading.RLock(), None
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.hub = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.01,)
        )
        self.thread.start()

    def close(self):
        """Stops the server; held requests are released."""
        for gate in self.gates:
            gate.opened.set()
        self.server.shutdown()
        # Clients keep connections alive; their threads wait for more.
        for connection in list(self.server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server.server_close()  # joins the threads of all connections
        self.thread.join()

    def fail(self, pattern, act, times=1):
        """Makes the next `times` requests `METHOD path` fail."""
        self.faults.append(Fault(pattern, act, times))

    def hold(self, pattern, count=0, before=False):
        """Returns a gate that holds the next matching request."""
        self.gates.append(Gate(count, before))
        self.fail(pattern, self.gates[-1])
        return self.gates[-1]

    def put(self, repo_id, files, parent=None, branch="main"):
        """Commits whole files; values are bytes, or None to delete."""
        repo = self.repos[repo_id]
        tree = dict(repo.commits[parent or repo.refs[branch]])
        for path, data in files.items():
            if data is None:
                tree.pop(path, None)
            else:
                tree[path] = data
        count = len(repo.commits)
        oid = hashlib.sha1(f"{repo_id} {branch} {count}".encode()).hexdigest()
        repo.commits[oid] = tree
        repo.refs[branch] = oid
        return oid

    def files(self, repo_id, branch="main"):
        """The files at the head of a branch."""
        repo = self.repos[repo_id]
        return repo.commits[repo.refs[branch]]

    def requests(self, *methods):
        """Recorded `(method, path)`, of some methods only."""
        return [r[:2] for r in self.record if not methods or r[0] in methods]


class Handler(BaseHTTPRequestHandler):
    """Routes requests to the functions in `ROUTES`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Says nothing."""

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:  # the client went away
            self.close_connection = True

    def begin(self, code, headers, length):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body, hub = self.rfile.read(length), self.server.hub
        address = urlsplit(self.path)
        path = unquote(address.path)
        self.query = parse_qs(address.query)
        words = (self.headers.get("authorization") or "").split()
        self.user = hub.tokens.get(words[-1]) if words else None
        with hub.lock:
            hub.record.append((self.command, path, dict(self.headers)))
            line = f"{self.command} {path}"
            fault = next(
                (
                    f
                    for f in hub.faults
                    if f.times and re.search(f.pattern, line)
                ),
                None,
            )
            if fault:
                fault.times -= 1
            before = fault and getattr(fault.act, "before", False)
            answer = (500, {}, b"") if before else self.answer(line, words)
        if fault:
            answer = fault.act(self, answer)
        if answer:
            code, headers, body = answer
            self.begin(code, headers, len(body))
            if self.command != "HEAD":
                self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = serve

    def answer(self, line, words):
        if words and self.user is None:
            bad = "Invalid credentials in Authorization header"
            return 401, {"X-Error-Message": bad}, b"{}"
        for pattern, route in ROUTES:
            match = re.fullmatch(pattern, line)
            if match:
                found = route(self, self.server.hub, **match.groupdict())
                if isinstance(found, tuple):
                    return found
                headers = {"Content-Type": "application/json"}
                return 200, headers, json.dumps(found).encode()
        return 404, {"X-Error-Code": "EntryNotFound"}, b"{}"

    def repo(self, hub, id):
        """The repository if this user may see it."""
        repo = hub.repos.get(id)
        owner = self.user and self.user[0] == id.split("/")[0]
        return repo if repo and (owner or not repo.private) else None

    def missing(self, code="RepoNotFound"):
        status = 401 if code == "RepoNotFound" and not self.user else 404
        return status, {"X-Error-Code": code}, b"{}"

    def may_write(self, id):
        return self.user == (id.split("/")[0], "write")
