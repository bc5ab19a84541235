#!/usr/bin/env python3
"""Real clients against a real Sealgate, on its embedded store and, where the environment names one, on a real S3 server.

    run.py --sealgate BINARY --bin DIR [--rclone PROGRAM]... [--s3cmd PROGRAM]...

DIR holds `aws`, `rclone` and `s3cmd` as pip installs them; further programs may be named. boto3 and cryptography are imported. Ends with
"N passed, M failed". Set SEALGATE_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY for the real server.
"""
import argparse
import os
import pathlib
import sys

# Authorities and credentials of whoever runs this must reach no client.
for name in list(os.environ):
    if name.startswith("AWS_") or name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"):
        del os.environ[name]

import aws_cli  # noqa: E402
import boto  # noqa: E402
import rclone  # noqa: E402
import s3cmd  # noqa: E402
import stored_bytes  # noqa: E402
from stage import Place, Sealgate, Tally, server_store, temporary  # noqa: E402


def clients(tally, options, label, daemon):
    for https in (False, True):
        where = f"{label} {'https' if https else 'http'}"
        folder = daemon.folder / ("https" if https else "http")
        folder.mkdir()
        place = Place(daemon.endpoint(https), daemon.ca, folder)
        boto.run(tally, f"{where} boto3", place)
        aws_cli.run(tally, f"{where} aws", place, pathlib.Path(options.bin, "aws"))
        for program in [pathlib.Path(options.bin, "rclone"), *options.rclone]:
            rclone.run(tally, f"{where} {program}", place, program)
        for program in [pathlib.Path(options.bin, "s3cmd"), *options.s3cmd]:
            s3cmd.run(tally, f"{where} {program}", place, program)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sealgate", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rclone", action="append", default=[])
    parser.add_argument("--s3cmd", action="append", default=[])
    options = parser.parse_args()
    tally, server = Tally(), server_store()
    with temporary() as folder, Sealgate(options.sealgate, folder) as daemon:
        clients(tally, options, "directory", daemon)
        place = Place(daemon.endpoint(False), daemon.ca, folder)
        stored_bytes.run(tally, "directory stored bytes", place, stored_bytes.from_directory(daemon.folder / "store"))
        tally.run("directory ends in order", lambda: daemon.stop() and sys.exit("it did not"))
    if server:
        with temporary() as folder, Sealgate(options.sealgate, folder, server) as daemon:
            clients(tally, options, "server", daemon)
            place = Place(daemon.endpoint(False), daemon.ca, folder)
            stored_bytes.run(tally, "server stored bytes", place, stored_bytes.from_server(server))
    else:
        print("skipped: the real S3 server; set SEALGATE_TEST_S3_ENDPOINT, SEALGATE_TEST_S3_ACCESS_KEY, SEALGATE_TEST_S3_SECRET_KEY")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
