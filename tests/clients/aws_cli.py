"""The aws CLI, either version: cp, sync, ls, rm, presign, s3api; ranged downloads of large objects as it does them by default."""
import json
import pathlib
import urllib.request
import ssl

from content import MIB, SIZES, files, lengths, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to


class Aws:
    def __init__(self, place, program):
        self.place, self.program = place, program
        config = pathlib.Path(place.folder, "aws.config")
        # One request for each object, in contrast to the defaults, which upload in parts from 8 MiB on.
        config.write_text(f"[default]\nregion = {REGION}\ns3 =\n  multipart_threshold = 5GB\n")
        plain = pathlib.Path(place.folder, "aws.plain")
        plain.write_text(f"[default]\nregion = {REGION}\n")
        base = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_PAGER": ""}
        if place.https:
            base["AWS_CA_BUNDLE"] = place.ca
        self.raised = place.environment(AWS_CONFIG_FILE=str(config), **base)
        self.defaults = place.environment(AWS_CONFIG_FILE=str(plain), **base)

    def __call__(self, *arguments, env=None, **more):
        done = self.place.call(self.program, "--endpoint-url", self.place.endpoint, *arguments, env=env or self.raised, **more)
        return done.stdout.decode() if more.get("check", True) else done


def run(tally, label, place, program):
    aws = Aws(place, program)
    folder = pathlib.Path(place.folder)
    bucket = place.bucket("aws-cli")
    tree = plant(folder / "tree")
    large = folder / "large"
    large.write_bytes(noise("large", 20 * MIB + 7))
    s3 = f"s3://{bucket}"

    def make():
        aws("s3", "mb", s3)
        assert bucket in aws("s3", "ls")

    def copy():
        aws("s3", "cp", large, f"{s3}/large")
        aws("s3", "cp", f"{s3}/large", folder / "large.back")
        same(large, folder / "large.back")

    def in_parts():
        aws("s3", "cp", large, f"{s3}/parts", env=aws.defaults)
        aws("s3", "cp", f"{s3}/parts", f"{s3}/parts again", env=aws.defaults)  # UploadPartCopy, or CopyObject
        aws("s3", "cp", f"{s3}/parts again", folder / "parts.back", env=aws.defaults)
        same(large, folder / "parts.back")
        opens_to(place.read, bucket, {key: large.read_bytes() for key in ("large", "parts", "parts again")})

    def ranged():
        # With its defaults it reads in parallel ranges under If-Match from 8 MiB on.
        aws("s3", "cp", f"{s3}/large", folder / "large.ranged", env=aws.defaults)
        same(large, folder / "large.ranged")

    def sync():
        first = aws("s3", "sync", tree, f"{s3}/tree")
        assert first.count("upload:") == len(SIZES), first
        again = aws("s3", "sync", tree, f"{s3}/tree")
        assert not again.strip(), f"the second run transferred: {again}"
        back = folder / "back"
        aws("s3", "sync", f"{s3}/tree", back)
        same(tree, back)
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})
        again = aws("s3", "sync", f"{s3}/tree", back)
        assert not again.strip(), f"the second run transferred: {again}"

    def changed():
        (tree / "one").write_bytes(b"longer now")
        (tree / "empty").unlink()
        said = aws("s3", "sync", tree, f"{s3}/tree", "--delete")
        assert said.count("upload:") == 1 and said.count("delete:") == 1, said
        assert aws("s3", "cp", f"{s3}/tree/one", "-") == "longer now"

    def listing():
        said = aws("s3", "ls", f"{s3}/tree/", "--recursive", "--summarize")
        total = sum(lengths(tree).values())
        assert f"Total Size: {total}" in said, said
        assert "PRE d/" in aws("s3", "ls", f"{s3}/tree/")
        pages = json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket, "--prefix", "tree/", "--page-size", "2", "--output", "json"))
        assert {entry["Key"][5:]: entry["Size"] for entry in pages["Contents"]} == lengths(tree), pages

    def streamed():
        aws("s3", "cp", "-", f"{s3}/stdin", stdin=b"from a pipe")
        assert aws("s3", "cp", f"{s3}/stdin", "-") == "from a pipe"

    def presigned():
        url = aws("s3", "presign", f"{s3}/stdin").strip()
        context = ssl.create_default_context(cafile=place.ca) if place.https else None
        assert urllib.request.urlopen(url, context=context, timeout=60).read() == b"from a pipe"

    def api():
        body = folder / "api"
        body.write_bytes(b"api")
        put = json.loads(aws("s3api", "put-object", "--bucket", bucket, "--key", "api", "--body", body, "--metadata", "colour=red",
                             "--content-type", "text/x-api"))
        head = json.loads(aws("s3api", "head-object", "--bucket", bucket, "--key", "api"))
        assert head["ETag"] == put["ETag"] and head["ContentLength"] == 3, head
        assert head["Metadata"] == {"colour": "red"} and head["ContentType"] == "text/x-api", head
        missing = aws("s3api", "head-object", "--bucket", bucket, "--key", "nothing", check=False)
        assert missing.returncode and b"404" in missing.stderr

    def remove():
        aws("s3", "rm", s3, "--recursive")
        assert not aws("s3", "ls", s3, "--recursive").strip()
        aws("s3", "rb", s3)
        assert bucket not in aws("s3", "ls")

    for check in (make, copy, in_parts, ranged, sync, changed, listing, streamed, presigned, api, remove):
        tally.run(f"{label} {check.__name__}", check)
