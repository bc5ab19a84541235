#!/usr/bin/env python3
"""One very large object up and down again, made on the fly, and the most memory the daemon ever had meanwhile.

    memory.py --sealgate BINARY [--gib 8] [--limit-mib 64] [--scratch DIR]

Standard library only: signs one UNSIGNED-PAYLOAD request for each direction by hand. The sealed object needs as much room in DIR as it
is large. Ends with "N passed, M failed".
"""
import argparse
import datetime
import hashlib
import hmac
import http.client
import os
import sys
import tempfile
import time

from content import MIB
from stage import ACCESS, REGION, SECRET, Sealgate, Tally

# Not a divisor of any chunk, so that a chunk out of its place shows.
PATTERN = os.urandom(3 * MIB + 17)


def signed(method, path, host):
    """The headers of a version 4 signature without a payload hash."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    names = ";".join(headers)
    canonical = "\n".join([method, path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, "UNSIGNED-PAYLOAD"])
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={names}, Signature={signature}"
    return headers


def expected(total):
    """The body, piece by piece."""
    view, left = memoryview(PATTERN), total
    while left:
        piece = view[:min(left, len(view))]
        left -= len(piece)
        yield piece


def request(host, method, path, body=None, length=0):
    connection = http.client.HTTPConnection(host, timeout=600, blocksize=MIB)
    headers = signed(method, path, host)
    if body is not None:
        headers["content-length"] = str(length)
    connection.request(method, path, body=body, headers=headers)
    return connection, connection.getresponse()


def up(host, total):
    connection, answer = request(host, "PUT", "/memory/large", expected(total), total)
    assert answer.status == 200, answer.read()
    connection.close()


def down(host, total):
    connection, answer = request(host, "GET", "/memory/large")
    assert answer.status == 200 and int(answer.headers["content-length"]) == total, answer.status
    for piece in expected(total):
        got = bytearray(len(piece))
        filled = 0
        while filled < len(got):
            count = answer.readinto(memoryview(got)[filled:])
            assert count, "it ends too soon"
            filled += count
        assert got == piece, "other bytes came back"
    assert not answer.read(1)
    connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sealgate", required=True)
    parser.add_argument("--gib", type=float, default=8)
    parser.add_argument("--limit-mib", type=int, default=64)
    parser.add_argument("--scratch", default=None)
    options = parser.parse_args()
    total, tally = int(options.gib * 1024) * MIB + 12_345, Tally()
    with tempfile.TemporaryDirectory(prefix="sealgate-memory-", dir=options.scratch) as folder, Sealgate(options.sealgate, folder) as daemon:
        host = daemon.endpoint(False).split("://")[1]
        request(host, "PUT", "/memory")[0].close()
        for name, way in (("up", up), ("down", down)):
            start = time.monotonic()
            tally.run(f"{options.gib:g} GiB {name}", way, host, total)
            print(f"{total / MIB / (time.monotonic() - start):.0f} MiB/s", flush=True)
        peak = daemon.peak_memory()
        print(f"peak resident memory {peak / MIB:.1f} MiB")

        def small_enough():
            assert peak < options.limit_mib * MIB, f"{peak} bytes"
        tally.run(f"under {options.limit_mib} MiB", small_enough)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
