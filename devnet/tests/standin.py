"""Stands in for a service where only the processes around it matter: it answers /readyz."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format, *args):
        pass


if sys.argv[1] in os.environ.get("BROKEN", "").split(","):
    sys.exit("this service is broken on purpose")
HTTPServer.allow_reuse_address = True
print("serving", sys.argv[1], flush=True)
HTTPServer(("127.0.0.1", int(os.environ["OPERATIONS_PORT"])), Answer).serve_forever()
