"""Start a program on the host, and print the seconds until a URL answers 200. Standard library only.

python3 - URL SECONDS ARGV... < first_answer.py
"""

import subprocess
import sys
import time
import urllib.error
import urllib.request


def main() -> int:
    url, patience, argv = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    began = time.monotonic()
    started = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    while time.monotonic() - began < patience:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    print(time.monotonic() - began)
                    return started.wait(patience)
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.01)
    print(f"{url} did not answer 200 within {patience:g} s", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
