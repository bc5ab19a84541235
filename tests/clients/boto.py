"""boto3 with its defaults: uploads with each checksum, ranges, conditions, metadata, presigned URLs of both versions, listings."""
import base64
import hashlib
import io
import ssl
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from content import MIB, SIZES, noise
from stage import ACCESS, REGION, SECRET
from stored import digest, opens_to


def client(place, **config):
    return boto3.session.Session().client(
        "s3", endpoint_url=place.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, region_name=REGION,
        verify=place.ca if place.https else None, config=Config(s3={"addressing_style": "path"}, **config))


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in code, error
    else:
        raise AssertionError(f"expected {code}")


def run(tally, label, place, _program):
    s3 = client(place)
    bucket = place.bucket("boto3")
    context = ssl.create_default_context(cafile=place.ca) if place.https else None

    def read(key, **more):
        return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()

    def make():
        s3.create_bucket(Bucket=bucket)
        assert bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]

    def whole_objects():
        for size in (0, 1, 65535, 65536, 65537, 131072, 1_000_003):
            body = noise(size, size)
            put = s3.put_object(Bucket=bucket, Key=f"whole/{size}", Body=body)
            got = s3.get_object(Bucket=bucket, Key=f"whole/{size}", ChecksumMode="ENABLED")
            assert got["Body"].read() == body and got["ETag"] == put["ETag"] and got["ContentLength"] == size

    def checksums():
        body = noise("checksum", 200_000)
        for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
            put = s3.put_object(Bucket=bucket, Key="sum", Body=body, ChecksumAlgorithm=algorithm)
            got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
            name = "Checksum" + algorithm
            assert got["Body"].read() == body and got.get(name) == put[name], got
            wrong = {name: base64.b64encode(bytes(len(base64.b64decode(put[name])))).decode()}
            refused(("BadDigest",), s3.put_object, Bucket=bucket, Key="sum", Body=b"other", **wrong)
        assert read("sum") == body

    def checksums_of_parts():
        body = noise("sums of parts", 12 * MIB + 1)
        for algorithm, kind in (("CRC64NVME", "FULL_OBJECT"), ("CRC32C", "COMPOSITE"), ("SHA256", "COMPOSITE")):
            key = f"sum of parts {algorithm}"
            s3.upload_fileobj(io.BytesIO(body), bucket, key, ExtraArgs={"ChecksumAlgorithm": algorithm})
            head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            assert head.get("ChecksumType") == kind and head.get("Checksum" + algorithm), head
            back = io.BytesIO()
            s3.download_fileobj(bucket, key, back)
            assert back.getvalue() == body
        whole = base64.b64encode(digest("CRC64NVME", body)).decode()
        assert s3.head_object(Bucket=bucket, Key="sum of parts CRC64NVME", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == whole

    def odd_keys():
        bodies = {f"odd/{name}": noise(name, min(size, 1000)) for name, size in SIZES.items()}
        bodies |= {"odd/tab\there": b"1", "odd/%2F%00": b"2", "odd/" + "é" * 100: b"3"}
        if not place.on_server:  # SeaweedFS takes them for paths
            bodies |= {"odd//double": b"4", "odd/./dot": b"5", "odd/../up": b"6", "odd/directory/": b"7", "odd/" + "é" * 500: b"8"}
        for key, body in bodies.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="odd/", PaginationConfig={"PageSize": 3})
        listed = {entry["Key"]: entry["Size"] for page in pages for entry in page["Contents"]}
        assert listed == {key: len(body) for key, body in bodies.items()}, listed
        for key, body in bodies.items():
            assert read(key) == body, key
        opens_to(place.read, bucket, bodies)

    def content_md5():
        md5 = base64.b64encode(hashlib.md5(b"body").digest()).decode()
        s3.put_object(Bucket=bucket, Key="md5", Body=b"body", ContentMD5=md5)
        refused(("BadDigest",), s3.put_object, Bucket=bucket, Key="md5", Body=b"other", ContentMD5=md5)
        assert read("md5") == b"body"

    def streams():
        one = TransferConfig(multipart_threshold=5 << 30)
        body = noise("stream", 20 * MIB + 11)
        s3.upload_fileobj(io.BytesIO(body), bucket, "stream", Config=one)
        back = io.BytesIO()
        s3.download_fileobj(bucket, "stream", back)  # in parallel ranges
        assert back.getvalue() == body

    def parts():
        body = noise("parts", 20 * MIB + 11)
        s3.upload_fileobj(io.BytesIO(body), bucket, "parts")
        assert read("parts") == body
        assert s3.head_object(Bucket=bucket, Key="parts", PartNumber=3)["ContentLength"] == 4 * MIB + 11
        s3.copy({"Bucket": bucket, "Key": "parts"}, bucket, "copied")
        assert read("copied") == body
        back = io.BytesIO()
        s3.download_fileobj(bucket, "parts", back)
        assert back.getvalue() == body
        opens_to(place.read, bucket, {"parts": body, "copied": body, "stream": noise("stream", 20 * MIB + 11)})

    def ranges():
        body = noise("range", 200_000)
        s3.put_object(Bucket=bucket, Key="range", Body=body)
        for text, part in (("bytes=0-0", body[:1]), ("bytes=65530-65545", body[65530:65546]), ("bytes=199990-", body[199990:]),
                           ("bytes=-70000", body[-70000:]), ("bytes=199999-300000", body[-1:])):
            assert read("range", Range=text) == part, text
        refused(("InvalidRange",), s3.get_object, Bucket=bucket, Key="range", Range="bytes=200000-")

    def conditions():
        etag = s3.put_object(Bucket=bucket, Key="if", Body=b"1")["ETag"]
        refused(("PreconditionFailed",), s3.put_object, Bucket=bucket, Key="if", Body=b"2", IfNoneMatch="*")
        s3.put_object(Bucket=bucket, Key="if", Body=b"3", IfMatch=etag)
        refused(("PreconditionFailed",), s3.put_object, Bucket=bucket, Key="if", Body=b"4", IfMatch=etag)
        refused(("PreconditionFailed",), s3.get_object, Bucket=bucket, Key="if", IfMatch=etag)
        assert read("if") == b"3"

    def metadata():
        s3.put_object(Bucket=bucket, Key="meta", Body=b"x", Metadata={"colour": "red", "n": "1"}, ContentType="text/x",
                      CacheControl="no-cache", ContentDisposition="inline", ContentEncoding="identity", ContentLanguage="de")
        head = s3.head_object(Bucket=bucket, Key="meta")
        assert head["Metadata"] == {"colour": "red", "n": "1"} and head["ContentType"] == "text/x", head
        assert head["CacheControl"] == "no-cache" and head["ContentLanguage"] == "de" and head["ContentEncoding"] == "identity"

    def presigned():
        s3.put_object(Bucket=bucket, Key="signed url", Body=b"signed")
        for version in (None, "s3v4", "s3"):
            signer = client(place, signature_version=version) if version else s3
            get = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "signed url"}, ExpiresIn=600)
            assert urllib.request.urlopen(get, context=context, timeout=60).read() == b"signed", version
            put = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "put url"}, ExpiresIn=600)
            # A default content type would have to be signed.
            request = urllib.request.Request(put, data=f"by {version}".encode(), method="PUT", headers={"Content-Type": ""})
            assert urllib.request.urlopen(request, context=context, timeout=60).status == 200
            assert read("put url") == f"by {version}".encode()
            try:
                urllib.request.urlopen(get.replace("signed%20url", "another"), context=context, timeout=60)
            except urllib.error.HTTPError as error:
                assert error.code == 403, error
            else:
                raise AssertionError("a URL opened another object")

    def listings():
        keys = sorted(["l/a b", "l/a+b", "l/ü", "l/x/1", "l/x/2"] + [f"l/n{n:03}" for n in range(30)], key=str.encode)
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        for name in ("list_objects_v2", "list_objects"):
            pages = s3.get_paginator(name).paginate(Bucket=bucket, Prefix="l/", PaginationConfig={"PageSize": 7})
            entries = [entry for page in pages for entry in page.get("Contents", [])]
            assert sorted((entry["Key"] for entry in entries), key=str.encode) == keys
            assert all(entry["Size"] == len(entry["Key"].encode()) for entry in entries), entries
        rolled = s3.list_objects_v2(Bucket=bucket, Prefix="l/", Delimiter="/")
        assert [entry["Prefix"] for entry in rolled["CommonPrefixes"]] == ["l/x/"], rolled

    def remove():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [{"Key": entry["Key"]} for page in pages for entry in page.get("Contents", [])]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
        assert len(answer["Deleted"]) == len(keys) and not answer.get("Errors")
        s3.delete_bucket(Bucket=bucket)
        refused(("NoSuchBucket", "404"), s3.head_bucket, Bucket=bucket)

    for check in (make, whole_objects, checksums, checksums_of_parts, odd_keys, content_md5, streams, parts, ranges, conditions, metadata, presigned, listings, remove):
        tally.run(f"{label} {check.__name__}", check)
