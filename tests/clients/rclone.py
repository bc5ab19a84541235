"""rclone: copy, sync, check --download, ranged cat, listings, streams and purge."""
import json
import pathlib
import zlib

from stage import ACCESS, MIB, REGION, SECRET, noise


def run(tally, label, place, program):
    env = place.environment(
        RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_SG_TYPE="s3", RCLONE_CONFIG_SG_PROVIDER="Other", RCLONE_CONFIG_SG_ACCESS_KEY_ID=ACCESS,
        RCLONE_CONFIG_SG_SECRET_ACCESS_KEY=SECRET, RCLONE_CONFIG_SG_REGION=REGION, RCLONE_CONFIG_SG_ENDPOINT=place.endpoint,
        RCLONE_CONFIG_SG_UPLOAD_CUTOFF="5Gi", RCLONE_RETRIES="1", RCLONE_LOW_LEVEL_RETRIES="1",
        **({"RCLONE_CA_CERT": place.ca} if place.https else {}))

    def rclone(*arguments, **more):
        return place.call(program, *arguments, env=env, **more)

    folder = pathlib.Path(place.folder)
    stem = label.replace(" ", "-").replace("/", "-")
    bucket = "rclone-" + f"{zlib.crc32(stem.encode()):08x}"
    remote = f"sg:{bucket}/tree"
    tree = folder / f"{stem}-tree"
    sizes = {"empty": 0, "one": 1, "d/border": 65536, "d/e/border+1": 65537, "five MiB": 5 * MIB, "größe %+.bin": 1000, "large": 20 * MIB + 5}
    for name, size in sizes.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(name, size))

    def transferred(done):
        said = done.stderr.decode()
        return [line for line in said.splitlines() if "INFO  :" in line and any(word in line for word in (": Copied", ": Deleted", ": Updated"))]

    def copy():
        rclone("mkdir", f"sg:{bucket}")
        assert len(transferred(rclone("copy", "-v", tree, remote))) == len(sizes)
        rclone("check", "--download", tree, remote)

    def sync():
        again = transferred(rclone("sync", "-v", tree, remote))
        assert not again, f"the second run transferred: {again}"
        (tree / "one").write_bytes(b"more than one")
        (tree / "empty").unlink()
        assert len(transferred(rclone("sync", "-v", tree, remote))) == 2
        rclone("check", "--download", tree, remote)
        rclone("check", "--size-only", tree, remote)

    def back():
        rclone("copy", remote, folder / f"{stem}-back")
        for path in (path for path in tree.rglob("*") if path.is_file()):
            assert (folder / f"{stem}-back" / path.relative_to(tree)).read_bytes() == path.read_bytes(), path
        assert not transferred(rclone("sync", "-v", remote, folder / f"{stem}-back"))

    def listing():
        listed = json.loads(rclone("lsjson", "-R", "--files-only", remote).stdout)
        found = {entry["Path"]: entry["Size"] for entry in listed}
        assert found == {str(path.relative_to(tree)): path.stat().st_size for path in tree.rglob("*") if path.is_file()}

    def ranged():
        whole = (tree / "large").read_bytes()
        for offset, count in ((0, 10), (65530, 20), (10 * MIB, 100_000), (20 * MIB, 5)):
            got = rclone("cat", f"{remote}/large", "--offset", offset, "--count", count).stdout
            assert got == whole[offset:offset + count], (offset, count)

    def stream():
        rclone("rcat", f"sg:{bucket}/piped", stdin=b"from a pipe")
        assert rclone("cat", f"sg:{bucket}/piped").stdout == b"from a pipe"

    def remove():
        rclone("deletefile", f"sg:{bucket}/piped")
        rclone("purge", f"sg:{bucket}/tree")
        assert not rclone("lsf", "-R", f"sg:{bucket}").stdout
        rclone("rmdir", f"sg:{bucket}")
        assert bucket.encode() not in rclone("lsd", "sg:").stdout

    for check in (copy, sync, back, listing, ranged, stream, remove):
        tally.run(f"{label} {check.__name__}", check)
