"""s5cmd: cp, sync, cat, ls, du, mv, pipe, presign and rm, in parallel parts and ranges as it does by default."""
import json
import ssl
import urllib.request

from content import MIB, SIZES, files, lengths, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to


def run(tally, label, place, program):
    env = place.environment(AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION=REGION,
                            **({"AWS_CA_BUNDLE": place.ca} if place.https else {}))
    folder, bucket = place.folder, place.bucket("s5cmd")
    tree, there = plant(folder / "tree"), f"s3://{bucket}"
    large = noise("large", 20 * MIB + 5)

    def s5cmd(*arguments, **more):
        return place.call(program, "--retry-count", "0", "--endpoint-url", place.endpoint, *arguments, env=env, **more).stdout

    def make():
        s5cmd("mb", there)
        assert bucket.encode() in s5cmd("ls")

    def copy():
        s5cmd("cp", "--part-size", "5", tree / "large", f"{there}/parts")
        s5cmd("cp", tree / "large", f"{there}/whole")  # its parts have 50 MiB
        for name in ("parts", "whole"):
            s5cmd("cp", "--part-size", "5", "--concurrency", "4", f"{there}/{name}", folder / name)
            same(tree / "large", folder / name)
            assert s5cmd("cat", f"{there}/{name}") == large
        opens_to(place.read, bucket, {"parts": large, "whole": large})

    def sync():
        said = s5cmd("sync", f"{tree}/", f"{there}/tree/").decode()
        assert len(said.splitlines()) == len(SIZES), said
        again = s5cmd("sync", f"{tree}/", f"{there}/tree/")
        assert not again, f"the second run transferred: {again}"
        s5cmd("sync", f"{there}/tree/*", f"{folder}/back/")
        same(tree, folder / "back")
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def changed():
        (tree / "one").write_bytes(b"longer")
        (tree / "empty").unlink()
        said = s5cmd("sync", "--delete", "--size-only", f"{tree}/", f"{there}/tree/").decode()
        assert sorted(line.split()[0] for line in said.splitlines()) == ["cp", "rm"], said
        assert s5cmd("cat", f"{there}/tree/one") == b"longer"

    def listing():
        entries = [json.loads(line) for line in s5cmd("--json", "ls", f"{there}/tree/*").splitlines()]
        assert {entry["key"].split("/tree/")[1]: entry["size"] for entry in entries} == lengths(tree), entries
        assert f"{sum(lengths(tree).values())} bytes in {len(lengths(tree))} objects" in s5cmd("du", f"{there}/tree/*").decode()
        assert b"DIR  d/" in s5cmd("ls", f"{there}/tree/")

    def moved():
        s5cmd("mv", f"{there}/parts", f"{there}/größe moved")
        s5cmd("cp", f"{there}/größe moved", f"{there}/copied")
        opens_to(place.read, bucket, {"größe moved": large, "copied": large})
        assert b"parts" not in s5cmd("ls", there)

    def piped():
        s5cmd("pipe", f"{there}/piped", stdin=b"from a pipe")
        context = ssl.create_default_context(cafile=place.ca) if place.https else None
        url = s5cmd("presign", f"{there}/piped").decode().strip()
        assert urllib.request.urlopen(url, context=context, timeout=60).read() == b"from a pipe"

    def remove():
        s5cmd("rm", f"{there}/*")
        s5cmd("rb", there)
        assert bucket.encode() not in s5cmd("ls")

    for check in (make, copy, sync, changed, listing, moved, piped, remove):
        tally.run(f"{label} {check.__name__}", check)
