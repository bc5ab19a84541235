"""rclone: copy, sync, check with and without --download, whole and in parts, ranged cat, listings, streams, moves and purge."""
import json

from content import MIB, SIZES, files, lengths, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to


def run(tally, label, place, program):
    base = place.environment(
        RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_SG_TYPE="s3", RCLONE_CONFIG_SG_PROVIDER="Other", RCLONE_CONFIG_SG_ACCESS_KEY_ID=ACCESS,
        RCLONE_CONFIG_SG_SECRET_ACCESS_KEY=SECRET, RCLONE_CONFIG_SG_REGION=REGION, RCLONE_CONFIG_SG_ENDPOINT=place.endpoint,
        RCLONE_RETRIES="1", RCLONE_LOW_LEVEL_RETRIES="1", **({"RCLONE_CA_CERT": place.ca} if place.https else {}))
    whole = {**base, "RCLONE_CONFIG_SG_UPLOAD_CUTOFF": "5Gi"}
    parts = {**base, "RCLONE_CONFIG_SG_UPLOAD_CUTOFF": "5Mi", "RCLONE_CONFIG_SG_CHUNK_SIZE": "5Mi", "RCLONE_MULTI_THREAD_CUTOFF": "5Mi",
             "RCLONE_MULTI_THREAD_STREAMS": "4"}

    def rclone(*arguments, env=whole, **more):
        return place.call(program, *arguments, env=env, **more)

    bucket = place.bucket("rclone")
    remote, tree = f"sg:{bucket}/tree", plant(place.folder / "tree")

    def transferred(done):
        said = done.stderr.decode()
        return [line for line in said.splitlines() if "INFO  :" in line and any(word in line for word in (": Copied", ": Deleted", ": Updated"))]

    def copy():
        rclone("mkdir", f"sg:{bucket}")
        assert len(transferred(rclone("copy", "-v", tree, remote))) == len(SIZES)
        rclone("check", "--download", tree, remote)
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def sync():
        again = transferred(rclone("sync", "-v", tree, remote))
        assert not again, f"the second run transferred: {again}"
        (tree / "one").write_bytes(b"more than one")
        (tree / "empty").unlink()
        assert len(transferred(rclone("sync", "-v", tree, remote))) == 2
        rclone("check", "--download", tree, remote)
        rclone("check", "--size-only", tree, remote)
        rclone("check", tree, remote)

    def in_parts():
        there = f"sg:{bucket}/parts"
        rclone("copy", tree, there, env=parts)
        again = transferred(rclone("sync", "-v", tree, there, env=parts))
        assert not again, f"the second run transferred: {again}"
        rclone("check", tree, there, env=parts)
        rclone("copy", there, place.folder / "parts", env=parts)  # each large file in four ranges at a time
        same(tree, place.folder / "parts")
        opens_to(place.read, bucket, {f"parts/{name}": content for name, content in files(tree).items()})
        changed = bytearray((tree / "large").read_bytes())
        changed[10 * MIB] ^= 1
        other = plant(place.folder / "other", {"large": 0})
        (other / "large").write_bytes(changed)
        # The MD5 that rclone leaves in the metadata of an upload in parts tells, without a download.
        assert rclone("check", "--one-way", other, there, env=parts, check=False).returncode

    def moved():
        rclone("moveto", f"sg:{bucket}/parts/large", f"sg:{bucket}/moved/é large", env=parts)
        opens_to(place.read, bucket, {"moved/é large": noise("large", 20 * MIB + 5)})
        assert rclone("lsf", "-R", "--files-only", f"sg:{bucket}/moved").stdout.decode() == "é large\n"
        assert b"large" not in rclone("lsf", f"sg:{bucket}/parts").stdout

    def back():
        rclone("copy", remote, place.folder / "back")
        same(tree, place.folder / "back")
        assert not transferred(rclone("sync", "-v", remote, place.folder / "back"))

    def listing():
        listed = json.loads(rclone("lsjson", "-R", "--files-only", remote).stdout)
        assert {entry["Path"]: entry["Size"] for entry in listed} == lengths(tree)

    def ranged():
        content = (tree / "large").read_bytes()
        for offset, count in ((0, 10), (65530, 20), (10 * MIB, 100_000), (20 * MIB, 5)):
            got = rclone("cat", f"{remote}/large", "--offset", offset, "--count", count).stdout
            assert got == content[offset:offset + count], (offset, count)

    def stream():
        for name, content in (("short", b"from a pipe"), ("long", noise("long pipe", 12 * MIB))):
            rclone("rcat", f"sg:{bucket}/piped {name}", stdin=content, env=parts)
            assert rclone("cat", f"sg:{bucket}/piped {name}").stdout == content

    def remove():
        rclone("deletefile", f"sg:{bucket}/piped short")
        rclone("purge", f"sg:{bucket}/tree")
        rclone("delete", f"sg:{bucket}")
        assert not rclone("lsf", "-R", "--files-only", f"sg:{bucket}").stdout
        rclone("rmdir", f"sg:{bucket}")
        assert bucket.encode() not in rclone("lsd", "sg:").stdout

    for check in (copy, sync, in_parts, moved, back, listing, ranged, stream, remove):
        tally.run(f"{label} {check.__name__}", check)
