"""minio-py: uploads whole, in parts and of unknown length, ranges, composing, presigned URLs, listings and removing many."""
import io
import ssl
import urllib.request

import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from content import MIB, SIZES, lengths, files, noise, plant, same
from stage import ACCESS, REGION, SECRET
from stored import opens_to


def run(tally, label, place, _program):
    pool = urllib3.PoolManager(ca_certs=place.ca, retries=False, timeout=120)
    s3 = Minio(place.host, access_key=ACCESS, secret_key=SECRET, secure=place.https, region=REGION, http_client=pool)
    bucket, tree = place.bucket("minio-py"), plant(place.folder / "tree")
    large = noise("large", 20 * MIB + 5)

    def read(key, **more):
        answer = s3.get_object(bucket, key, **more)
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def make():
        s3.make_bucket(bucket)
        assert s3.bucket_exists(bucket)

    def put():
        for name in SIZES:
            s3.fput_object(bucket, f"tree/{name}", str(tree / name), part_size=5 * MIB, metadata={"colour": "red"})
        for name, size in SIZES.items():
            stat = s3.stat_object(bucket, f"tree/{name}")
            assert stat.size == size and stat.metadata["x-amz-meta-colour"] == "red", stat
            s3.fget_object(bucket, f"tree/{name}", str(place.folder / "back" / name))
        same(tree, place.folder / "back")
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def unknown_length():
        s3.put_object(bucket, "stream", io.BytesIO(large), -1, part_size=5 * MIB)
        assert read("stream") == large
        assert read("stream", offset=5 * MIB - 7, length=20) == large[5 * MIB - 7:5 * MIB + 13]
        opens_to(place.read, bucket, {"stream": large})

    def composed():
        s3.compose_object(bucket, "composed", [ComposeSource(bucket, "stream"), ComposeSource(bucket, "tree/seven MiB")])
        s3.copy_object(bucket, "größe copied", CopySource(bucket, "composed"))
        whole = large + noise("seven MiB", SIZES["seven MiB"])
        assert read("größe copied") == whole
        opens_to(place.read, bucket, {"composed": whole, "größe copied": whole})

    def presigned():
        context = ssl.create_default_context(cafile=place.ca) if place.https else None
        put = urllib.request.Request(s3.presigned_put_object(bucket, "by url"), data=b"by url", method="PUT")
        assert urllib.request.urlopen(put, context=context, timeout=60).status == 200
        get = s3.presigned_get_object(bucket, "by url")
        assert urllib.request.urlopen(get, context=context, timeout=60).read() == b"by url"

    def listing():
        listed = s3.list_objects(bucket, prefix="tree/", recursive=True)
        assert {entry.object_name[5:]: entry.size for entry in listed} == lengths(tree)
        flat = {entry.object_name: entry.is_dir for entry in s3.list_objects(bucket, prefix="tree/")}
        assert flat["tree/d/"] and not flat["tree/one"], flat

    def remove():
        names = [DeleteObject(entry.object_name) for entry in s3.list_objects(bucket, recursive=True)]
        assert len(names) == len(SIZES) + 4 and not list(s3.remove_objects(bucket, names))
        try:
            s3.stat_object(bucket, "stream")
        except S3Error as error:
            assert error.code == "NoSuchKey", error
        else:
            raise AssertionError("it is still there")
        s3.remove_bucket(bucket)

    for check in (make, put, unknown_length, composed, presigned, listing, remove):
        tally.run(f"{label} {check.__name__}", check)
