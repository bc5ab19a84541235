#!/usr/bin/env python3
"""Sealgate beside the tools that encrypt for S3 themselves, both ways: what they wrote is read, what Sealgate writes they open.

    run.py --sealgate BINARY --amazon PYTHON --older PYTHON --java DIR --go PROGRAM [--only WORD]...

The two interpreters have the packages of .ci/requirements-amazon.txt and .ci/requirements-older.txt; DIR has what Maven makes of java/ (the jar,
and lib/ beside it), PROGRAM is what comes of go/. SEALGATE_TEST_KMS_ENDPOINT names a KMS (.ci/keystores starts one); the store is the server that
SEALGATE_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY name, and without them the S3 beside that KMS. WORD picks the groups with it in
their name. Ends with "N passed, M failed".
"""
import argparse
import concurrent.futures
import os
import pathlib
import sys
import time
import traceback

# Authorities and credentials of whoever runs this must reach no client.
for name in list(os.environ):
    if name.startswith("AWS_") or name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        del os.environ[name]

from world import World, versions  # noqa: E402  (it finds the clients' suite, of which the next line is a part)
from stage import Tally, temporary  # noqa: E402
import above  # noqa: E402

GROUPS = {"above": above}


def attend(tally, name, world):
    """Runs one group. Whatever ends it before its checks begin counts as a failed check."""
    try:
        GROUPS[name].run(tally, world)
    except Exception as problem:  # every kind of failure is a failed check
        tally.record(f"{name} begins", time.monotonic(), f"{problem}\n{traceback.format_exc(limit=-4)}")


def parsed():
    parser = argparse.ArgumentParser()
    for name in ("sealgate", "amazon", "older", "java", "go"):
        parser.add_argument(f"--{name}", required=True, type=lambda path: str(pathlib.Path(path).absolute()))
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    if not os.environ.get("SEALGATE_TEST_KMS_ENDPOINT"):
        parser.error("set SEALGATE_TEST_KMS_ENDPOINT: .ci/keystores starts a KMS and says where it is")
    return options


def main():
    options, tally = parsed(), Tally()
    for line in versions(options):
        print(line, flush=True)
    with temporary() as folder:
        world = World(options, folder)
        with world.ends, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name in GROUPS:
                if not options.only or any(word in name for word in options.only):
                    pool.submit(attend, tally, name, world)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
