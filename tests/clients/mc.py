"""mc, the client of MinIO: cp, mirror, diff, cat, stat, ls, pipe, share, mv and rm."""
import json
import os
import ssl
import urllib.request

from content import MIB, files, lengths, noise, plant, same
from stage import ACCESS, SECRET
from stored import opens_to


def run(tally, label, place, program):
    folder, bucket = place.folder, place.bucket("mc")
    authorities = folder / "config" / "certs" / "CAs"
    authorities.mkdir(parents=True)
    (authorities / "ca.pem").write_bytes(open(place.ca, "rb").read())
    tree, there = plant(folder / "tree"), f"sg/{bucket}"
    large = noise("large", 20 * MIB + 5)

    def mc(*arguments, **more):
        return place.call(program, "--config-dir", folder / "config", "--quiet", *arguments, **more).stdout

    def entries(*arguments):
        return [json.loads(line) for line in mc("--json", *arguments).splitlines()]

    def make():
        mc("alias", "set", "sg", place.endpoint, ACCESS, SECRET, "--api", "S3v4", "--path", "on")
        mc("mb", there)
        assert f"{bucket}/" in [entry["key"] for entry in entries("ls", "sg")]

    def copy():
        mc("cp", tree / "large", f"{there}/parts")  # in parts of 16 MiB
        mc("cp", "--disable-multipart", tree / "large", f"{there}/whole")
        for name in ("parts", "whole"):
            mc("cp", f"{there}/{name}", folder / name)
            same(tree / "large", folder / name)
            assert mc("cat", "--offset", 10 * MIB, f"{there}/{name}") == large[10 * MIB:]
        opens_to(place.read, bucket, {"parts": large, "whole": large})

    def mirror():
        mc("mirror", tree, f"{there}/tree")
        again = [entry for entry in entries("mirror", tree, f"{there}/tree") if "source" in entry]
        assert not again, f"the second run transferred: {again}"
        assert not entries("diff", tree, f"{there}/tree")
        mc("mirror", f"{there}/tree", folder / "back")
        same(tree, folder / "back")
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def changed():
        (tree / "one").write_bytes(b"longer")
        os.utime(tree / "one", (1_000_000_000, 1_000_000_000))  # "newer" to it is what changed in the second in which it was uploaded
        (tree / "empty").unlink()
        assert len(entries("diff", tree, f"{there}/tree")) == 2
        mc("mirror", "--overwrite", "--remove", tree, f"{there}/tree")
        assert not entries("diff", tree, f"{there}/tree")
        assert mc("cat", f"{there}/tree/one") == b"longer"

    def listing():
        listed = entries("ls", "--recursive", f"{there}/tree/")
        assert {entry["key"]: entry["size"] for entry in listed} == lengths(tree), listed
        stat, = entries("stat", f"{there}/parts")
        assert stat["size"] == len(large), stat

    def moved():
        mc("mv", f"{there}/parts", f"{there}/größe moved")
        opens_to(place.read, bucket, {"größe moved": large})
        assert "parts" not in [entry["key"] for entry in entries("ls", there)]

    def piped():
        mc("pipe", f"{there}/piped", stdin=large)
        shared, = entries("share", "download", f"{there}/piped")
        context = ssl.create_default_context(cafile=place.ca) if place.https else None
        assert urllib.request.urlopen(shared["share"], context=context, timeout=60).read() == large
        opens_to(place.read, bucket, {"piped": large})

    def remove():
        mc("rm", "--recursive", "--force", there)
        assert not entries("ls", "--recursive", there)
        mc("rb", there)

    for check in (make, copy, mirror, changed, listing, moved, piped, remove):
        tally.run(f"{label} {check.__name__}", check)
