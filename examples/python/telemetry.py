"""Logs as the fleet's other processes write them, and spans in the trace of the call (W3C Trace Context), sent to an
OpenTelemetry collector when OTEL_EXPORTER_OTLP_ENDPOINT names one. Standard library only.
"""
import datetime
import json
import os
import queue
import re
import sys
import threading
import time
import urllib.request

TRACEPARENT = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
KINDS = {"server": 2, "client": 3}
# Spans that do not fit any more are dropped: telemetry never holds work up.
waiting = queue.Queue(maxsize=1_000)


def log(level, message, **fields):
    """Writes a line that `isomer logs` understands."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": now, "level": level, "message": message, **fields}
    try:
        print(json.dumps(line, separators=(",", ":")), file=sys.stdout, flush=True)
    except OSError:
        pass  # A full disk costs lines of the log, and no call.


class Span:
    """A piece of work in a trace: of the `traceparent` that came, or of one that begins here."""

    active = 0
    _lock = threading.Lock()

    def __init__(self, name, kind, parent=None):
        said = TRACEPARENT.fullmatch(parent or "")
        self.name, self.kind, self.error = name, kind, None
        self.trace_id, self.parent_id, self.flags = said.groups() if said else (os.urandom(16).hex(), None, "00")
        self.span_id = os.urandom(8).hex()

    @property
    def traceparent(self):
        """What a call that is made within this span carries."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child(self, name, kind):
        return Span(name, kind, self.traceparent)

    def __enter__(self):
        with Span._lock:
            Span.active += 1
        self.started = time.time_ns()
        return self

    def __exit__(self, *_):
        with Span._lock:
            Span.active -= 1
        if int(self.flags, 16) & 1 and sender is not None and not waiting.full():
            waiting.put(self._otlp(time.time_ns()))

    def _otlp(self, ended):
        return {
            "traceId": self.trace_id,
            "spanId": self.span_id,
            **({} if self.parent_id is None else {"parentSpanId": self.parent_id}),
            "name": self.name,
            "kind": KINDS[self.kind],
            "startTimeUnixNano": str(self.started),
            "endTimeUnixNano": str(ended),
            "status": {} if self.error is None else {"code": 2, "message": self.error},
        }


def send(endpoint):
    """Sends spans as they come, a few at a time."""
    name = os.environ.get("ISOMER_INSTANCE", "python")
    resource = {"attributes": [{"key": "service.instance.id", "value": {"stringValue": name}}]}
    while True:
        spans = [waiting.get()]
        while not waiting.empty() and len(spans) < 100:
            spans.append(waiting.get())
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "python"}, "spans": spans}]}]}
        request = urllib.request.Request(
            f"{endpoint}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError:
            pass


ENDPOINT = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").rstrip("/")
sender = threading.Thread(target=send, args=(ENDPOINT,), daemon=True) if ENDPOINT else None
if sender is not None:
    sender.start()
