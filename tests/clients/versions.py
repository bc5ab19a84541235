"""Clients in buckets that keep versions: rclone, mc and boto3 list, read and bring back what was overwritten or deleted."""
import json

import boto
from content import MIB, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to

OLD, NEW = noise("old", 20 * MIB + 5), noise("new", 70_000)


def run(tally, label, place, programs):
    s3 = boto.client(place)
    authorities = place.folder / "config" / "certs" / "CAs"
    authorities.mkdir(parents=True)
    (authorities / "ca.pem").write_bytes(open(place.ca, "rb").read())
    env = place.environment(
        RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_SG_TYPE="s3", RCLONE_CONFIG_SG_PROVIDER="Other", RCLONE_CONFIG_SG_ACCESS_KEY_ID=ACCESS,
        RCLONE_CONFIG_SG_SECRET_ACCESS_KEY=SECRET, RCLONE_CONFIG_SG_REGION=REGION, RCLONE_CONFIG_SG_ENDPOINT=place.endpoint,
        RCLONE_CONFIG_SG_UPLOAD_CUTOFF="5Mi", RCLONE_RETRIES="1", **({"RCLONE_CA_CERT": place.ca} if place.https else {}))

    def rclone(*arguments):
        return place.call(programs["rclone"], *arguments, env=env).stdout.decode()

    def mc(*arguments, **more):
        return place.call(programs["mc"], "--config-dir", place.folder / "config", "--quiet", *arguments, **more).stdout

    def listing(*arguments):
        return [json.loads(line) for line in mc("--json", "ls", *arguments).splitlines()]

    def ids(bucket, key):
        """The version ids of one key, the newest first, without marks of deletion."""
        return [entry["VersionId"] for entry in s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", [])]

    def in_boto3():
        bucket = place.bucket("versions")
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        written = [s3.put_object(Bucket=bucket, Key="größe", Body=body)["VersionId"] for body in (OLD, NEW)]
        marker = s3.delete_object(Bucket=bucket, Key="größe")
        listed = s3.list_object_versions(Bucket=bucket)
        assert [(entry["VersionId"], entry["Size"]) for entry in listed["Versions"]] == [(written[1], len(NEW)), (written[0], len(OLD))]
        assert [entry["VersionId"] for entry in listed["DeleteMarkers"]] == [marker["VersionId"]]
        for version, body in zip(written, (OLD, NEW)):
            assert s3.get_object(Bucket=bucket, Key="größe", VersionId=version)["Body"].read() == body
            opens_to(place.read, bucket, {"größe": body}, version)
        s3.delete_object(Bucket=bucket, Key="größe", VersionId=marker["VersionId"])
        assert s3.get_object(Bucket=bucket, Key="größe", Range="bytes=-9")["Body"].read() == NEW[-9:]

    def in_rclone():
        bucket, tree = place.bucket("versions"), plant(place.folder / "tree", {"file": 0})
        rclone("mkdir", f"sg:{bucket}")
        assert "Enabled" in rclone("backend", "versioning", f"sg:{bucket}", "Enabled")
        for body in (OLD, NEW):
            (tree / "file").write_bytes(body)
            rclone("copy", tree, f"sg:{bucket}")
        listed = {entry["Size"]: entry["Path"] for entry in json.loads(rclone("lsjson", "--s3-versions", f"sg:{bucket}"))}
        assert listed.keys() == {len(OLD), len(NEW)} and listed[len(NEW)] == "file", listed
        rclone("copyto", "--s3-versions", f"sg:{bucket}/{listed[len(OLD)]}", place.folder / "old")
        assert (place.folder / "old").read_bytes() == OLD
        for version, body in zip(ids(bucket, "file"), (NEW, OLD)):
            opens_to(place.read, bucket, {"file": body}, version)
        rclone("backend", "cleanup-hidden", f"sg:{bucket}")
        assert len(ids(bucket, "file")) == 1
        rclone("copy", f"sg:{bucket}", place.folder / "back")
        same(tree, place.folder / "back")

    def in_mc():
        bucket = place.bucket("versions")
        mc("alias", "set", "sg", place.endpoint, ACCESS, SECRET, "--api", "S3v4", "--path", "on")
        mc("mb", "--with-versioning", f"sg/{bucket}")
        for body in (OLD, NEW):
            mc("pipe", f"sg/{bucket}/file", stdin=body)
        mc("rm", f"sg/{bucket}/file")
        listed = listing("--versions", f"sg/{bucket}")
        assert [entry["size"] for entry in listed] == [0, len(NEW), len(OLD)], listed
        assert not listing(f"sg/{bucket}")
        mc("cp", "--version-id", listed[2]["versionId"], f"sg/{bucket}/file", place.folder / "first")
        assert (place.folder / "first").read_bytes() == OLD
        mc("undo", f"sg/{bucket}/file")  # the removal
        mc("cp", f"sg/{bucket}/file", place.folder / "second")
        assert (place.folder / "second").read_bytes() == NEW
        mc("rm", "--recursive", "--versions", "--force", f"sg/{bucket}")
        assert not ids(bucket, "file")
        mc("rb", f"sg/{bucket}")

    for check in (in_boto3, in_rclone, in_mc):
        tally.run(f"{label} {check.__name__}", check)
