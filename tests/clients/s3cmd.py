"""s3cmd: put, also in parts, get, sync with MD5s compared, ls, info, mv, cp and del."""
import pathlib

from content import MIB, SIZES, files, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to


def run(tally, label, place, program):
    folder = pathlib.Path(place.folder)
    config = folder / "s3cfg"
    config.write_text(
        f"[default]\naccess_key = {ACCESS}\nsecret_key = {SECRET}\nbucket_location = {REGION}\nhost_base = {place.host}\n"
        f"host_bucket = {place.host}\nuse_https = {place.https}\nca_certs_file = {place.ca if place.https else ''}\n")

    def s3cmd(*arguments, **more):
        return place.call(program, "-c", config, "--no-progress", *arguments, **more)

    bucket, tree = place.bucket("s3cmd"), plant(folder / "tree")

    def make():
        s3cmd("mb", f"s3://{bucket}")
        assert bucket.encode() in s3cmd("ls").stdout

    def put_and_get():
        # Above 15 MB it uploads in parts.
        for name, more in (("parts", ["--multipart-chunk-size-mb=5"]), ("whole", ["--disable-multipart"])):
            s3cmd("put", *more, tree / "large", f"s3://{bucket}/{name}")
            s3cmd("get", f"s3://{bucket}/{name}", folder / name)
            same(tree / "large", folder / name)
        # Continued where it was broken off: a range.
        (folder / "parts").write_bytes(noise("large", 20 * MIB + 5)[:MIB])
        s3cmd("get", "--continue", f"s3://{bucket}/parts", folder / "parts")
        same(tree / "large", folder / "parts")
        opens_to(place.read, bucket, dict.fromkeys(("parts", "whole"), noise("large", 20 * MIB + 5)))

    def sync():
        s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
        again = s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
        assert b"upload:" not in again.stdout, f"the second run transferred: {again.stdout}"
        s3cmd("sync", f"s3://{bucket}/tree/", f"{folder}/back/")
        same(tree, folder / "back")
        again = s3cmd("sync", f"s3://{bucket}/tree/", f"{folder}/back/")
        assert b"download:" not in again.stdout, f"the second run transferred: {again.stdout}"
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def changed():
        (tree / "one").write_bytes(b"!")  # as long as before: only the MD5 tells
        (tree / "empty").unlink()
        said = s3cmd("sync", "--delete-removed", f"{tree}/", f"s3://{bucket}/tree/").stdout
        assert said.count(b"upload:") == 1 and said.count(b"delete:") == 1, said
        s3cmd("get", "--force", f"s3://{bucket}/tree/one", folder / "one")
        same(tree / "one", folder / "one")

    def listing():
        lines = s3cmd("ls", "-r", f"s3://{bucket}/tree/").stdout.decode().splitlines()
        found = {line.split(f"s3://{bucket}/tree/")[1]: int(line.split()[2]) for line in lines}
        assert found == {name: size for name, size in SIZES.items() if name != "empty"}, found
        info = s3cmd("info", f"s3://{bucket}/tree/one").stdout.decode()
        assert "File size: 1" in info, info

    def moved():
        s3cmd("mv", f"s3://{bucket}/parts", f"s3://{bucket}/größe moved")
        s3cmd("cp", f"s3://{bucket}/größe moved", f"s3://{bucket}/copied")
        opens_to(place.read, bucket, dict.fromkeys(("größe moved", "copied"), noise("large", 20 * MIB + 5)))

    def remove():
        s3cmd("del", "-r", "-f", f"s3://{bucket}/")
        assert not s3cmd("ls", "-r", f"s3://{bucket}").stdout
        s3cmd("rb", f"s3://{bucket}")

    for check in (make, put_and_get, sync, changed, listing, moved, remove):
        tally.run(f"{label} {check.__name__}", check)
