"""Clients that want the MD5 of the content as ETag, in buckets whose rule says `etag = "md5"`: rclone, s3cmd, s3fs and boto3."""
import hashlib

import boto
import s3fs
from content import MIB, files, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to

PART = 5 * MIB


def expected(content, in_parts):
    """The ETag of plain S3, without its quotes."""
    if not in_parts:
        return hashlib.md5(content).hexdigest()
    digests = [hashlib.md5(content[at:at + PART]).digest() for at in range(0, len(content), PART)]
    return f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def run(tally, label, place, programs):
    s3, bucket, tree = boto.client(place), place.bucket("md5-etags"), plant(place.folder / "tree")
    opaque = place.bucket("opaque-etags")
    for name in (bucket, opaque):
        s3.create_bucket(Bucket=name)
    # As for Amazon, rclone compares the ETags of uploads in parts.
    env = place.environment(
        RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_SG_TYPE="s3", RCLONE_CONFIG_SG_PROVIDER="Other", RCLONE_CONFIG_SG_ACCESS_KEY_ID=ACCESS,
        RCLONE_CONFIG_SG_SECRET_ACCESS_KEY=SECRET, RCLONE_CONFIG_SG_REGION=REGION, RCLONE_CONFIG_SG_ENDPOINT=place.endpoint,
        RCLONE_CONFIG_SG_USE_MULTIPART_ETAG="true", RCLONE_CONFIG_SG_UPLOAD_CUTOFF="5Mi", RCLONE_CONFIG_SG_CHUNK_SIZE="5Mi",
        RCLONE_RETRIES="1", RCLONE_LOW_LEVEL_RETRIES="1", **({"RCLONE_CA_CERT": place.ca} if place.https else {}))
    config = place.folder / "s3cfg"
    config.write_text(
        f"[default]\naccess_key = {ACCESS}\nsecret_key = {SECRET}\nbucket_location = {REGION}\nhost_base = {place.host}\n"
        f"host_bucket = {place.host}\nuse_https = {place.https}\nca_certs_file = {place.ca if place.https else ''}\n")

    def rclone(*arguments, **more):
        return place.call(programs["rclone"], *arguments, env=env, **more)

    def in_rclone():
        rclone("copy", tree, f"sg:{bucket}/tree")
        rclone("check", tree, f"sg:{bucket}/tree")
        sums = dict(reversed(line.split("  ", 1)) for line in rclone("md5sum", f"sg:{bucket}/tree").stdout.decode().splitlines())
        assert sums == {name: hashlib.md5(content).hexdigest() for name, content in files(tree).items()}, sums
        # The same without the rule: what the README warns of.
        said = rclone("copy", tree / "large", f"sg:{opaque}", check=False)
        assert said.returncode and b"Etag differ" in said.stderr, said.stderr

    def everywhere():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3})
        listed = {entry["Key"]: entry["ETag"] for page in pages for entry in page["Contents"]}
        for name, content in files(tree).items():
            etag = f'"{expected(content, len(content) > PART)}"'
            assert listed[f"tree/{name}"] == etag == s3.head_object(Bucket=bucket, Key=f"tree/{name}")["ETag"], name
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def in_s3cmd():
        def s3cmd(*arguments):
            return place.call(programs["s3cmd"], "-c", config, "--no-progress", *arguments).stdout.decode()
        s3cmd("sync", "--disable-multipart", f"{tree}/", f"s3://{bucket}/whole/")
        listed = [line.split(maxsplit=4) for line in s3cmd("ls", "-r", "--list-md5", f"s3://{bucket}/whole/").splitlines()]
        sums = {uri.split("/whole/")[1]: md5 for _, _, _, md5, uri in listed}
        assert sums == {name: hashlib.md5(content).hexdigest() for name, content in files(tree).items()}, sums
        assert "upload:" not in s3cmd("sync", f"{tree}/", f"s3://{bucket}/whole/")

    def in_s3fs():
        large = noise("large", 20 * MIB + 5)
        with s3fs.mounted(place, programs["s3fs"], bucket, "enable_content_md5") as point:  # and compares the ETags of parts
            (point / "mounted").write_bytes(large)
        with s3fs.mounted(place, programs["s3fs"], bucket, "enable_content_md5") as point:
            (place.folder / "back").write_bytes((point / "mounted").read_bytes())
        same(tree / "large", place.folder / "back")
        opens_to(place.read, bucket, {"mounted": large})

    for check in (in_rclone, everywhere, in_s3cmd):
        tally.run(f"{label} {check.__name__}", check)
    if problem := s3fs.unable():
        tally.skip(f"{label} in_s3fs", problem)
    else:
        tally.run(f"{label} in_s3fs", in_s3fs)
