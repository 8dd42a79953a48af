"""Calls to and from services of an Isomer system, over HTTP with JSON and mutual TLS. Standard library only.

The protocol stands in docs/guide/other-languages.md. Certificates are read again for each connection, so that rotation
needs no restart. Who a peer is says the one URI in its certificate, and nothing else.
"""
import json
import os
import ssl
import time
import urllib.parse
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


class Fault(Exception):
    """A failure that crosses a boundary: recognised by its code; its kind tells the caller what to do."""

    def __init__(self, code, kind, message, data=None):
        super().__init__(message)
        self.code, self.kind, self.message, self.data = code, kind, message, data


class Credentials:
    """The files of one workload, as the fleet writes them: service-<name>.pem (certificates and key) and bundle.pem."""

    def __init__(self, folder, name, trust_domain):
        self.certificates = os.path.join(folder, f"service-{name}.pem")
        self.bundle = os.path.join(folder, "bundle.pem")
        self.trust_domain = trust_domain

    def context(self, purpose):
        context = ssl.SSLContext(purpose)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.bundle)
        context.load_cert_chain(self.certificates)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def peer_path(self, certificate):
        """`service/checkout` of a peer of our trust domain. Raises PermissionError for everybody else."""
        uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
        prefix = f"spiffe://{self.trust_domain}/"
        if len(uris) != 1 or not uris[0].startswith(prefix):
            raise PermissionError("the peer's certificate names no workload of ours")
        return uris[0][len(prefix) :]


class Call:
    """A call that came in: who makes it, until when, under which key, in which trace."""

    def __init__(self, caller, headers):
        self.caller = caller
        self.deadline = time.monotonic() + float(headers.get("isomer-deadline-ms", "2000")) / 1000
        self.key = urllib.parse.unquote(headers.get("idempotency-key", "")) or None
        self.traceparent = headers.get("traceparent")
        # What proves for which user the call is made: handed on as it is.
        self.user = headers.get("isomer-user")

    def remaining_ms(self):
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class Client:
    """Calls services of the system, as this workload."""

    def __init__(self, name, credentials, base_url):
        self.name = name
        self.credentials = credentials
        self.base = urllib.parse.urlsplit(base_url)

    def call(self, service, operation, given, within):
        """Calls, with what is left of the time of `within`, in its trace. Raises Fault."""
        if within.remaining_ms() == 0:
            raise Fault("kernel/deadline-exceeded", "unavailable", "There was no time left for the call.")
        headers = {
            "content-type": "application/json",
            "isomer-caller": self.name,
            "isomer-deadline-ms": str(within.remaining_ms()),
        }
        for name, value in (("traceparent", child_of(within.traceparent)), ("isomer-user", within.user)):
            if value is not None:
                headers[name] = value
        connection = Connection(self.base.hostname, self.base.port, timeout=within.remaining_ms() / 1000)
        connection.secure(self.credentials, service)
        try:
            connection.connect()
            if self.credentials.peer_path(connection.sock.getpeercert()) != f"service/{service}":
                raise PermissionError(f"{service} did not answer, but somebody else")
            connection.request("POST", f"/{service}/{operation}", json.dumps(given), headers)
            response = connection.getresponse()
            body = json.loads(response.read(BODY_BYTES_MAX))
        except (OSError, ValueError) as error:
            raise Fault("transport/unreachable", "unavailable", f"No answer from {service}: {error}") from error
        finally:
            connection.close()
        if response.status == 200:
            return body
        raise Fault(body.get("code"), body.get("kind"), body.get("detail"), body.get("data"))


class Connection(HTTPConnection):
    """A connection that asks for the callee by its name (SNI), whatever the address is."""

    def secure(self, credentials, service):
        self._context = credentials.context(ssl.PROTOCOL_TLS_CLIENT)
        self._server_name = f"{service}.service.{credentials.trust_domain}"

    def connect(self):
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._server_name)


def child_of(traceparent):
    """The traceparent of a call that is made within another: the same trace, a span of its own."""
    if traceparent is None:
        return None
    version, trace, _, flags = traceparent.split("-")[:4]
    return f"{version}-{trace}-{os.urandom(8).hex()}-{flags}"


def serve(name, credentials, operations, allowed, port=0):
    """A server of `operations`, for the callers in `allowed`. Handlers get the input and the Call, and return the output."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            try:
                size = int(self.headers.get("content-length", "-1"))
                if not 0 <= size <= BODY_BYTES_MAX:
                    raise Fault("transport/call-malformed", "invalid", "Say how long the body is.")
                body = self.rfile.read(size)
                self._answer(200, "application/json", self._carry_out(body))
            except Fault as fault:
                status = STATUSES.get(fault.kind, 500)
                problem = {"type": "about:blank", "title": fault.code, "status": status, "detail": fault.message}
                problem.update(code=fault.code, kind=fault.kind, data=fault.data)
                self._answer(status, "application/problem+json", problem)
            except Exception as error:  # A bug: whoever called learns that there is one, and no more.
                self.log_error("%s", repr(error))
                problem = {"code": "kernel/broken", "kind": "broken", "detail": "Something failed inside.", "data": None}
                self._answer(500, "application/problem+json", problem)

        def _carry_out(self, body):
            path = credentials.peer_path(self.connection.getpeercert())
            caller = path.removeprefix("service/")
            if caller not in allowed or self.headers.get("isomer-caller") != caller:
                raise Fault("transport/peer-refused", "denied", f"{path} may not call {name}.")
            handler = operations.get(self.path.removeprefix(f"/{name}/"))
            if handler is None:
                raise Fault("kernel/unknown-operation", "missing", f"{name} has no such operation.")
            call = Call(caller, self.headers)
            if call.remaining_ms() == 0:
                raise Fault("kernel/deadline-exceeded", "unavailable", "The time of the call was over.")
            return handler(json.loads(body), call)

        def _answer(self, status, content_type, value):
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self):
            sock, address = super().get_request()
            # The handshake is left to the connection's own thread: one that stalls holds up nobody.
            context = credentials.context(ssl.PROTOCOL_TLS_SERVER)
            return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

        def finish_request(self, request, client_address):
            request.settimeout(30)
            request.do_handshake()
            super().finish_request(request, client_address)

        def handle_error(self, *_):
            pass  # A peer that is refused in the handshake, or has gone.

    return Server(("127.0.0.1", port), Handler)
