"""The aws CLI (version 1): cp, sync, ls, rm, presign, s3api; ranged downloads of large objects as it does them by default."""
import json
import pathlib
import urllib.request
import ssl

from stage import ACCESS, MIB, REGION, SECRET, noise


class Aws:
    def __init__(self, place, program):
        self.place, self.program = place, program
        config = pathlib.Path(place.folder, "aws.config")
        # One request for each object, in contrast to the defaults, which upload in parts from 8 MiB on.
        config.write_text(f"[default]\nregion = {REGION}\ns3 =\n  multipart_threshold = 5GB\n")
        plain = pathlib.Path(place.folder, "aws.plain")
        plain.write_text(f"[default]\nregion = {REGION}\n")
        base = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
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
    bucket = "aws-cli-" + ("https" if place.https else "http")
    tree = folder / "aws-tree"
    sizes = {"empty": 0, "small.txt": 5, "dir/border": 65536, "dir/sub/border+1": 65537, "seven MiB": 7 * MIB + 3, "größe/é+%.bin": 1000}
    for name, size in sizes.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(name, size))
    large = folder / "large"
    large.write_bytes(noise("large", 20 * MIB + 7))
    s3 = f"s3://{bucket}"

    def same(left, right):
        assert pathlib.Path(left).read_bytes() == pathlib.Path(right).read_bytes(), f"{left} and {right} differ"

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

    def ranged():
        # With its defaults it reads in parallel ranges under If-Match from 8 MiB on.
        aws("s3", "cp", f"{s3}/large", folder / "large.ranged", env=aws.defaults)
        same(large, folder / "large.ranged")

    def sync():
        first = aws("s3", "sync", tree, f"{s3}/tree")
        assert first.count("upload:") == len(sizes), first
        again = aws("s3", "sync", tree, f"{s3}/tree")
        assert not again.strip(), f"the second run transferred: {again}"
        back = folder / "aws-back"
        aws("s3", "sync", f"{s3}/tree", back)
        for name in sizes:
            same(tree / name, back / name)
        again = aws("s3", "sync", f"{s3}/tree", back)
        assert not again.strip(), f"the second run transferred: {again}"

    def changed():
        (tree / "small.txt").write_bytes(b"longer now")
        (tree / "empty").unlink()
        said = aws("s3", "sync", tree, f"{s3}/tree", "--delete")
        assert said.count("upload:") == 1 and said.count("delete:") == 1, said
        assert aws("s3", "cp", f"{s3}/tree/small.txt", "-") == "longer now"

    def listing():
        said = aws("s3", "ls", f"{s3}/tree/", "--recursive", "--summarize")
        total = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        assert f"Total Size: {total}" in said, said
        assert "PRE dir/" in aws("s3", "ls", f"{s3}/tree/")

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
        put = json.loads(aws("s3api", "put-object", "--bucket", bucket, "--key", "api", "--body", body,
                             "--metadata", "colour=red", "--content-type", "text/x-api"))
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
