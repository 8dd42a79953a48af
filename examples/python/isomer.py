"""Calls to and from services of an Isomer system, over HTTP with JSON and mutual TLS. Standard library only.

The protocol stands in docs/guide/other-languages.md. Certificates and addresses are read again for each connection, so that
neither rotation nor a restart of others needs one of this service. Who a peer is says the one URI in its certificate, and
nothing else.
"""
import json
import os
import random
import signal
import ssl
import sys
import threading
import time
import urllib.parse
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from telemetry import Span, log

STATUSES = {
    "invalid": 400,
    "denied": 403,
    "missing": 404,
    "conflict": 409,
    "exhausted": 429,
    "unavailable": 503,
    "broken": 500,
}
BODY_BYTES_MAX = 4 * 1024 * 1024
# A connection that is busy ends after so long, so that the next one shows the certificates of then. Seconds.
CONNECTION_AGE_MAX = 300
IDLE_MAX = 30


class Fault(Exception):
    """A failure that crosses a boundary: recognised by its code; its kind tells the caller what to do."""

    def __init__(self, code, kind, message, data=None):
        super().__init__(message)
        self.code, self.kind, self.message, self.data = code, kind, message, data


class Settings:
    """What a fleet tells a service by its environment."""

    def __init__(self, environment=None):
        told = os.environ if environment is None else environment
        self.name = told["ISOMER_SERVICE"]
        self.trust_domain = told["ISOMER_TRUST_DOMAIN"]
        self.identity = told["ISOMER_IDENTITY"]
        self.addresses = told["ISOMER_ADDRESSES"]
        self.address = (told.get("ISOMER_HOST", "127.0.0.1"), int(told["ISOMER_PORT"]))
        with open(told["ISOMER_CONTRACT"], encoding="utf-8") as file:
            self.contract = json.load(file)

    def context(self, purpose):
        """TLS as both ends speak it, with the certificates of now: service-<name>.pem and bundle.pem."""
        context = ssl.SSLContext(purpose)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(self.identity, "bundle.pem"))
        context.load_cert_chain(os.path.join(self.identity, f"service-{self.name}.pem"))
        context.set_alpn_protocols(["http/1.1"])
        return context

    def peer_path(self, certificate):
        """`service/checkout` of a peer of our trust domain. Raises PermissionError for everybody else."""
        uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
        prefix = f"spiffe://{self.trust_domain}/"
        if len(uris) != 1 or not uris[0].startswith(prefix):
            raise PermissionError("the peer's certificate names no workload of ours")
        return uris[0][len(prefix) :]

    def lets_in(self, operation, path):
        """Whether the contract lets a workload call an operation: deny by default."""
        for rule in self.contract["operations"].get(operation, {}).get("allow", []):
            if rule["kind"] == "services" and path in [f"service/{name}" for name in rule["services"]]:
                return True
            if rule["kind"] == "anyone" and (path == "gateway" or path.startswith("service/")):
                return True
        return False

    def addresses_of(self, service):
        """Where the processes of a service take calls now, in any order."""
        with open(self.addresses, encoding="utf-8") as file:
            known = json.load(file)["services"].get(service, [])
        urls = [urllib.parse.urlsplit(address["http"]) for address in known if "http" in address]
        return random.sample(urls, len(urls))


class Call:
    """A call that came in: who makes it, until when, under which key, in which trace, and how much it matters."""

    def __init__(self, caller, headers, span, kind="command"):
        self.caller = caller
        self.deadline = time.monotonic() + float(headers.get("isomer-deadline-ms", "2000")) / 1000
        self.key = urllib.parse.unquote(headers.get("idempotency-key", "")) or None
        self.span = span
        # What proves for which user the call is made: handed on as it is.
        self.user = headers.get("isomer-user")
        self.criticality = headers.get("isomer-criticality", "normal")
        # Only where nothing is decided by what is read.
        self.may_be_stale = kind == "query" and headers.get("isomer-may-be-stale") == "1"

    def remaining_ms(self):
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class Client:
    """Calls services of the system, as this workload."""

    def __init__(self, settings):
        self.settings = settings

    def call(self, service, operation, given, within, key=None):
        """Calls, with what is left of `within`'s time, in its trace, as important. Commands need a key. Raises Fault."""
        with within.span.child(f"{service}.{operation}", "client") as span:
            try:
                return self._call(service, operation, given, (within, key, span))
            except Fault as fault:
                span.error = fault.code
                raise

    def _call(self, service, operation, given, about):
        problem = "nobody of it is known"
        for url in self.settings.addresses_of(service):
            try:
                connection = self._connect(service, url, about[0])
            except OSError as error:
                problem = str(error)
                continue
            return self._ask(connection, f"/{service}/{operation}", given, about)
        # Nothing was sent: whoever repeats it does nothing twice.
        raise Fault("transport/not-started", "unavailable", f"The call to {service} was not begun: {problem}.")

    def _connect(self, service, url, within):
        if within.remaining_ms() == 0:
            raise Fault("kernel/deadline-exceeded", "unavailable", "There was no time left for the call.")
        connection = Connection(url.hostname, url.port, timeout=within.remaining_ms() / 1000)
        connection.secure(self.settings, service)
        connection.connect()
        if self.settings.peer_path(connection.sock.getpeercert()) != f"service/{service}":
            connection.close()
            raise PermissionError(f"{service} did not answer, but somebody else")
        return connection

    def _ask(self, connection, path, given, about):
        within, key, span = about
        said = {
            "content-type": "application/json",
            "isomer-caller": self.settings.name,
            "isomer-deadline-ms": str(max(1, within.remaining_ms())),
            "isomer-criticality": within.criticality,
            "isomer-may-be-stale": "1" if within.may_be_stale else None,
            "traceparent": span.traceparent,
            "isomer-user": within.user,
            "idempotency-key": None if key is None else urllib.parse.quote(key, safe=""),
        }
        headers = {name: value for name, value in said.items() if value is not None}
        try:
            connection.request("POST", path, json.dumps(given), headers)
            response = connection.getresponse()
            body = json.loads(response.read(BODY_BYTES_MAX))
        except (OSError, ValueError, HTTPException) as error:
            # It may have happened: whoever repeats it does so with the same key.
            raise Fault("transport/unreachable", "unavailable", f"No answer to {path}: {error}.") from error
        finally:
            connection.close()
        if response.status == 200:
            return body
        raise self._fault_of(response.status, body, path)

    def _fault_of(self, status, body, path):
        if isinstance(body, dict) and isinstance(body.get("code"), str) and body.get("kind") in STATUSES:
            return Fault(body["code"], body["kind"], body.get("detail"), body.get("data"))
        if status in (502, 503, 504):
            return Fault("transport/unreachable", "unavailable", f"No answer to {path}: status {status}.")
        problem = f"The answer to {path} has status {status} and no fault of ours."
        return Fault("transport/foreign-answer", "broken", problem)


class Connection(HTTPConnection):
    """A connection that asks for the callee by its name (SNI), whatever the address is."""

    def secure(self, settings, service):
        self._context = settings.context(ssl.PROTOCOL_TLS_CLIENT)
        self._server_name = f"{service}.service.{settings.trust_domain}"

    def connect(self):
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._server_name)


def handler_for(settings, operations):
    """What answers requests: the handlers of operations, for those whom the contract lets in."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            self.since = time.monotonic()

        def do_POST(self):
            operation = self.path.removeprefix(f"/{settings.name}/")
            span = Span(f"{settings.name}.{operation}", "server", self.headers.get("traceparent"))
            with span:
                status, content_type, value = self._outcome(operation, span)
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                if time.monotonic() - self.since > CONNECTION_AGE_MAX:
                    self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(body)

        def _outcome(self, operation, span):
            try:
                return 200, "application/json", self._carry_out(operation, span)
            except Fault as raised:
                fault = raised
            except Exception as error:  # A bug: whoever called learns that there is one, and no more.
                log("error", "a call failed", operation=operation, error=repr(error), traceId=span.trace_id)
                fault = Fault("kernel/broken", "broken", "Something failed inside.")
            span.error = fault.code
            status = STATUSES.get(fault.kind, 500)
            problem = {"type": "about:blank", "title": fault.code, "status": status, "detail": fault.message}
            problem.update(code=fault.code, kind=fault.kind, data=fault.data)
            return status, "application/problem+json", problem

        def _carry_out(self, operation, span):
            size = int(self.headers.get("content-length", "-1"))
            if not 0 <= size <= BODY_BYTES_MAX:
                self.close_connection = True
                raise Fault("transport/call-malformed", "invalid", "Say how long the body is.")
            body = self.rfile.read(size)
            handler = operations.get(operation)
            if handler is None:
                raise Fault("kernel/unknown-operation", "missing", f"{settings.name} has no such operation.")
            try:
                path = settings.peer_path(self.connection.getpeercert())
            except PermissionError as error:
                raise Fault("transport/peer-refused", "denied", f"You may not call {settings.name}: {error}.") from error
            caller = path.removeprefix("service/")
            says = self.headers.get("isomer-caller")
            if not settings.lets_in(operation, path) or says != (None if path == "gateway" else caller):
                log("warn", "call refused", operation=f"{settings.name}.{operation}", peer=path, traceId=span.trace_id)
                raise Fault("transport/peer-refused", "denied", f"{path} may not call {settings.name}.{operation}.")
            kind = settings.contract["operations"].get(operation, {}).get("kind")
            call = Call(caller, self.headers, span, kind)
            if call.remaining_ms() == 0:
                raise Fault("kernel/deadline-exceeded", "unavailable", "The time of the call was over.")
            return handler(json.loads(body), call)

        def log_message(self, *_):
            pass

    return Handler


class Server(ThreadingHTTPServer):
    """Takes connections of workloads, each in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings, handler):
        self.settings = settings
        super().__init__(settings.address, handler)

    def get_request(self):
        sock, address = super().get_request()
        # The handshake is left to the connection's own thread: one that stalls holds up nobody.
        context = self.settings.context(ssl.PROTOCOL_TLS_SERVER)
        return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    def finish_request(self, request, client_address):
        request.settimeout(5)
        request.do_handshake()
        request.settimeout(IDLE_MAX)
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass  # A peer that is refused in the handshake, or has gone; also the fleet, which looks whether we are there.


def serve(settings, operations):
    """Serves until it is told to end: by SIGTERM, or by the end of its input, which means that the fleet has died."""
    server = Server(settings, handler_for(settings, operations))

    def end(*_):
        # Not in this thread: it may be the one that serves, which would wait for itself.
        threading.Thread(target=server.shutdown, daemon=True).start()

    def watch():
        while sys.stdin.buffer.read(1):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()
    log("info", "ready", address="{}:{}".format(*server.server_address))
    server.serve_forever(poll_interval=0.2)
    # Calls that are under way have a while; connections that are idle have nothing to end.
    server.socket.close()
    ends_at = time.monotonic() + 5
    while Span.active > 0 and time.monotonic() < ends_at:
        time.sleep(0.05)
    log("info", "ended")
    sys.stdout.flush()
    os._exit(0)
