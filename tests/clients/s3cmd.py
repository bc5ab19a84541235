"""s3cmd: put, get, sync, ls, info and del."""
import pathlib
import zlib

from stage import ACCESS, MIB, REGION, SECRET, noise


def run(tally, label, place, program):
    folder = pathlib.Path(place.folder)
    stem = label.replace(" ", "-").replace("/", "-")
    host = place.endpoint.split("://")[1]
    config = folder / f"{stem}.cfg"
    config.write_text(
        f"[default]\naccess_key = {ACCESS}\nsecret_key = {SECRET}\nbucket_location = {REGION}\nhost_base = {host}\nhost_bucket = {host}\n"
        f"use_https = {place.https}\nca_certs_file = {place.ca if place.https else ''}\n")

    def s3cmd(*arguments, **more):
        return place.call(program, "-c", config, "--no-progress", *arguments, **more)

    bucket = "s3cmd-" + f"{zlib.crc32(stem.encode()):08x}"
    tree = folder / f"{stem}-tree"
    sizes = {"one": 1, "d/border": 65536, "six MiB": 6 * MIB + 1, "größe+%.bin": 1000, "large": 20 * MIB + 3}
    for name, size in sizes.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(name, size))

    def make():
        s3cmd("mb", f"s3://{bucket}")
        assert bucket.encode() in s3cmd("ls").stdout

    def put_and_get():
        s3cmd("put", tree / "large", f"s3://{bucket}/large")
        s3cmd("get", "--force", f"s3://{bucket}/large", folder / f"{stem}-large")
        assert (folder / f"{stem}-large").read_bytes() == (tree / "large").read_bytes()

    def sync():
        s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
        again = s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
        assert b"upload:" not in again.stdout, f"the second run transferred: {again.stdout}"
        s3cmd("sync", f"s3://{bucket}/tree/", f"{folder}/{stem}-back/")
        for name in sizes:
            assert (folder / f"{stem}-back" / name).read_bytes() == (tree / name).read_bytes(), name

    def listing():
        lines = s3cmd("ls", "-r", f"s3://{bucket}/tree/").stdout.decode().splitlines()
        found = {line.split(f"s3://{bucket}/tree/")[1]: int(line.split()[2]) for line in lines}
        assert found == sizes, found
        info = s3cmd("info", f"s3://{bucket}/tree/one").stdout.decode()
        assert "File size: 1" in info, info

    def remove():
        s3cmd("del", "-r", "-f", f"s3://{bucket}/")
        assert not s3cmd("ls", "-r", f"s3://{bucket}").stdout
        s3cmd("rb", f"s3://{bucket}")

    for check in (make, put_and_get, sync, listing, remove):
        tally.run(f"{label} {check.__name__}", check)
