#!/usr/bin/env python3
"""Sealgate beside the tools that encrypt for S3 themselves, both ways: what they wrote is read, what Sealgate writes they open.

    run.py --sealgate BINARY --amazon PYTHON --older PYTHON --java DIR --go PROGRAM --rclone PROGRAM [--only WORD]...

The two interpreters have the packages of .ci/requirements-amazon.txt and .ci/requirements-older.txt; DIR has what Maven makes of java/ (the jar,
and lib/ beside it), the program for Go is what comes of go/. SEALGATE_TEST_KMS_ENDPOINT names a KMS (.ci/keystores starts one), and
SEALGATE_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY the store (.ci/seaweedfs starts one). WORD picks the groups with it in their name. Ends
with "N passed, M failed".
"""
import argparse
import concurrent.futures
import os
import pathlib
import sys

# Authorities and credentials of whoever runs this must reach no client.
for name in list(os.environ):
    if name.startswith("AWS_") or name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        del os.environ[name]

from world import World, versions  # noqa: E402  (it finds the clients' suite, of which the next line is a part)
from stage import Tally, server_store, temporary  # noqa: E402
import above  # noqa: E402
import read_amazon  # noqa: E402
import read_older  # noqa: E402
import write_amazon  # noqa: E402

GROUPS = {"above": above, "read amazon": read_amazon, "read older": read_older, "write amazon": write_amazon}


def parsed():
    parser = argparse.ArgumentParser()
    for name in ("sealgate", "amazon", "older", "java", "go", "rclone"):
        parser.add_argument(f"--{name}", required=True, type=lambda path: str(pathlib.Path(path).absolute()))
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    if not os.environ.get("SEALGATE_TEST_KMS_ENDPOINT"):
        parser.error("set SEALGATE_TEST_KMS_ENDPOINT: .ci/keystores starts a KMS and says where it is")
    if not server_store():
        parser.error("set SEALGATE_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY: .ci/seaweedfs starts a store and says where it is")
    return options


def main():
    options, tally = parsed(), Tally()
    for line in versions(options):
        print(line, flush=True)
    with temporary() as folder:
        world = World(options, folder)
        with world.ends, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, group in GROUPS.items():
                if not options.only or any(word in name for word in options.only):
                    pool.submit(world.attend, tally, name, group.run, tally, world)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
