"""restic: a repository with two snapshots, every byte of it checked, restored, and pruned. What restic itself encrypts is sealed too."""
import json

import boto
from content import MIB, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to


def run(tally, label, place, program):
    s3, bucket = boto.client(place), place.bucket("restic")
    env = place.environment(AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_DEFAULT_REGION=REGION, RESTIC_PASSWORD="open sesame",
                            RESTIC_REPOSITORY=f"s3:{place.endpoint}/{bucket}/a/repository")
    more = ("--cacert", place.ca) if place.https else ()
    tree = plant(place.folder / "tree")
    first = plant(place.folder / "first")

    def restic(*arguments):
        return place.call(program, "--cache-dir", place.folder / "cache", *more, *arguments, env=env).stdout.decode()

    def objects():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}

    def backups():
        restic("init")  # makes the bucket too
        restic("backup", tree)
        (tree / "one").write_bytes(b"another")
        (tree / "new").write_bytes(noise("new", 9 * MIB))
        said = restic("backup", "--json", tree).splitlines()
        assert json.loads(said[-1])["files_changed"] == 1 and json.loads(said[-1])["files_new"] == 1, said[-1]
        assert len(json.loads(restic("snapshots", "--json"))) == 2

    def checked():
        assert "no errors were found" in restic("check", "--read-data")

    def sealed():
        read = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in objects()}
        assert objects() == {key: len(content) for key, content in read.items()}
        opens_to(place.read, bucket, read)

    def restored():
        oldest = json.loads(restic("snapshots", "--json"))[0]["id"]
        for snapshot, was in ((oldest, first), ("latest", tree)):
            target = place.folder / f"restored-{snapshot}"
            restic("restore", "--verify", snapshot, "--target", target)
            same(was, target / tree.relative_to("/"))

    def pruned():
        (tree / "new").unlink()
        restic("backup", tree)
        before = sum(objects().values())
        restic("forget", "--keep-last", "1", "--prune")
        assert sum(objects().values()) < before - 8 * MIB
        assert "no errors were found" in restic("check", "--read-data")
        restic("restore", "latest", "--target", place.folder / "pruned")
        same(tree, place.folder / "pruned" / tree.relative_to("/"))

    for check in (backups, checked, sealed, restored, pruned):
        tally.run(f"{label} {check.__name__}", check)
