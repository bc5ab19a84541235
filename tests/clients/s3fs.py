"""s3fs-fuse: a bucket as a file system, with files copied in and out, appended to, cut, renamed and removed.

Mounting wants /dev/fuse and the right to use it. Where they are missing this says so by name and counts as skipped, not as passed.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import time

import boto
from content import MIB, SIZES, files, lengths, noise, plant, same
from stage import ACCESS, SECRET
from stored import opens_to

CAP_SYS_ADMIN = 21


def unable():
    """Why nothing can be mounted here, or None."""
    if not pathlib.Path("/dev/fuse").exists():
        return "there is no /dev/fuse"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as problem:
        return str(problem)
    capabilities = int(re.search(r"^CapEff:\s*(\w+)", pathlib.Path("/proc/self/status").read_text(), re.MULTILINE)[1], 16)
    if os.geteuid() == 0 and not capabilities >> CAP_SYS_ADMIN & 1:
        return "even root may not mount here"
    return None


@contextlib.contextmanager
def mounted(place, program, bucket, *options):
    """The mounted bucket; what s3fs said is in the error if it cannot be mounted."""
    point, log = place.folder / "mounted", place.folder / "s3fs.log"
    point.mkdir(exist_ok=True)
    wanted = [f"url={place.endpoint}", "use_path_request_style", "multipart_size=5",
              f"tmpdir={place.folder}", *options]
    # Its password file takes no secret with a space. It tries CURL_CA_BUNDLE only once the system's authorities have failed.
    env = place.environment(AWSACCESSKEYID=ACCESS, AWSSECRETACCESSKEY=SECRET, **({"CURL_CA_BUNDLE": place.ca} if place.https else {}))
    with open(log, "wb") as said:
        process = subprocess.Popen([program, bucket, point, "-f", *(f"-o{option}" for option in wanted)], env=env, stdout=said, stderr=said)
    try:
        give_up = time.monotonic() + 60
        while not os.path.ismount(point):
            if process.poll() is not None or time.monotonic() > give_up:
                raise AssertionError(f"s3fs did not mount: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield point
    finally:
        if process.poll() is None:
            # Lazily: whoever happens to look into the folder only delays the end.
            subprocess.run(["fusermount", "-u", "-z", point], check=False)
        try:
            process.wait(timeout=60)  # it has written everything by then
        finally:
            process.kill()


def run(tally, label, place, program):
    if problem := unable():
        tally.skip(label, problem)
        return
    s3, bucket = boto.client(place), place.bucket("s3fs")
    tree, folder = plant(place.folder / "tree"), place.folder
    s3.create_bucket(Bucket=bucket)

    def copied():
        with mounted(place, program, bucket) as point:
            shutil.copytree(tree, point / "tree")
            same(tree, point / "tree")
        with mounted(place, program, bucket) as point:  # nothing of the first is cached any more
            shutil.copytree(point / "tree", folder / "back")
            assert lengths(point / "tree") == SIZES
        same(tree, folder / "back")
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def changed():
        large = bytearray(noise("large", 20 * MIB + 5))
        with mounted(place, program, bucket) as point, open(point / "tree" / "large", "r+b") as file:
            file.seek(10 * MIB)
            file.write(b"written in the middle")
            file.seek(0, os.SEEK_END)
            file.write(b"appended")
        large[10 * MIB:10 * MIB + 21] = b"written in the middle"
        with mounted(place, program, bucket) as point:
            assert (point / "tree" / "large").read_bytes() == large + b"appended"
            # Opened: cut by its name, s3fs 1.90 writes zeros, whatever the store.
            with open(point / "tree" / "seven MiB", "r+b") as file:
                file.truncate(70_000)
        cut = noise("seven MiB", SIZES["seven MiB"])[:70_000]
        opens_to(place.read, bucket, {"tree/large": bytes(large) + b"appended", "tree/seven MiB": cut})

    def renamed():
        with mounted(place, program, bucket) as point:
            (point / "tree" / "large").rename(point / "größe moved")
            os.utime(point / "tree" / "one", (1_000_000_000, 1_000_000_000))
            (point / "tree" / "d").rename(point / "directory")
        with mounted(place, program, bucket) as point:
            assert (point / "größe moved").stat().st_size == 20 * MIB + 5 + len(b"appended")
            assert (point / "tree" / "one").stat().st_mtime == 1_000_000_000 and not (point / "tree" / "d").exists()
            same(tree / "d", point / "directory")

    def removed():
        with mounted(place, program, bucket) as point:
            for path in list(point.iterdir()):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            assert not list(point.iterdir())
        assert not s3.list_objects_v2(Bucket=bucket).get("Contents")
        s3.delete_bucket(Bucket=bucket)

    for check in (copied, changed, renamed, removed):
        tally.run(f"{label} {check.__name__}", check)
