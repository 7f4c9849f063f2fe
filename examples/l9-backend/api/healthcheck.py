"""Check the app on this host: `python -m api.healthcheck` exits 0 or 1. Replaces curl in the image."""

import os
import sys
from http.client import HTTPConnection  # unlike urllib, it ignores proxies


def main() -> int:
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=5)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        print(answer.status, answer.read().decode())
    except OSError as error:
        print(error)
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
