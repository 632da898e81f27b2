"""A service that is alive and ready at once, on the address that the platform gives it."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path in {"/health/live", "/health/ready"} and len(os.environ["ROAD_API_JWT_SECRET"]) > 40
        self.send_response(200 if known else 404)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["ROAD_API_HOST"], int(os.environ["ROAD_API_PORT"])), Handler).serve_forever()
