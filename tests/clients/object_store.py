"""obstore, the Rust crate object_store as Python has it: what deltalake, polars and lance go through."""
import ssl
import urllib.request
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

import boto
from content import MIB, SIZES, lengths, files, noise, plant
from stage import ACCESS, REGION, SECRET
from stored import opens_to


def run(tally, label, place, _program):
    s3, bucket = boto.client(place), place.bucket("obstore")
    s3.create_bucket(Bucket=bucket)
    store = S3Store(bucket, endpoint=place.endpoint, access_key_id=ACCESS, secret_access_key=SECRET, region=REGION,
                    virtual_hosted_style_request=False, client_options={"allow_http": not place.https, "timeout": "120s"},
                    retry_config={"max_retries": 0})
    tree = plant(place.folder / "tree")
    large = noise("large", SIZES["large"])

    def put():
        for name, content in files(tree).items():
            store.put(f"tree/{name}", content, chunk_size=5 * MIB)  # in parts from there on
            assert bytes(store.get(f"tree/{name}").bytes()) == content, name
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def ranges():
        assert bytes(store.get_range("tree/large", start=65530, length=20)) == large[65530:65550]
        starts = [0, MIB - 1, 5 * MIB - 3, 20 * MIB]
        got = store.get_ranges("tree/large", starts=starts, lengths=[5] * 4)
        assert [bytes(part) for part in got] == [large[start:start + 5] for start in starts]
        assert bytes(store.get("tree/large", options={"range": {"suffix": 70_000}}).bytes()) == large[-70_000:]

    def commits():
        first = store.put("commit", b"1", mode="create")
        for problem, mode in ((AlreadyExistsError, "create"), (PreconditionError, {"e_tag": '"another"'})):
            try:
                store.put("commit", b"2", mode=mode)
            except problem:
                continue
            raise AssertionError(f"{mode} wrote over it")
        store.put("commit", b"3", mode={"e_tag": first["e_tag"]})
        assert bytes(store.get("commit").bytes()) == b"3"

    def written():
        with obstore.open_writer(store, "written", buffer_size=5 * MIB, attributes={"Content-Type": "text/x", "colour": "red"}) as file:
            for at in range(0, len(large), 700_001):
                file.write(large[at:at + 700_001])
        file = obstore.open_reader(store, "written")
        assert file.seek(10 * MIB) == 10 * MIB and bytes(file.read(100)) == large[10 * MIB:10 * MIB + 100]
        got = store.get("written")
        assert got.attributes["Content-Type"] == "text/x" and got.attributes["colour"] == "red", got.attributes
        opens_to(place.read, bucket, {"written": large})

    def moved():
        store.rename("written", "größe moved")
        store.copy("größe moved", "copied")
        opens_to(place.read, bucket, {"größe moved": large, "copied": large})

    def listing():
        listed = {entry["path"][5:]: entry["size"] for batch in store.list("tree", chunk_size=3) for entry in batch}
        assert listed == lengths(tree), listed
        assert store.list_with_delimiter("tree")["common_prefixes"] == ["tree/d"]

    def presigned():
        url = obstore.sign(store, "GET", "commit", timedelta(minutes=5))
        context = ssl.create_default_context(cafile=place.ca) if place.https else None
        assert urllib.request.urlopen(url, context=context, timeout=60).read() == b"3"

    def remove():
        store.delete([entry["path"] for batch in store.list() for entry in batch])
        assert not [entry for batch in store.list() for entry in batch]
        s3.delete_bucket(Bucket=bucket)

    for check in (put, ranges, commits, written, moved, listing, presigned, remove):
        tally.run(f"{label} {check.__name__}", check)
