"""The AWS SDK for JavaScript: starts javascript.mjs under node, takes over what it counts, and looks at the bytes that it stored."""
import json
import os
import pathlib
import shutil
import subprocess
import time

from content import files, plant
from stage import ACCESS, REGION, SECRET
from stored import opens_to

SCRIPT = pathlib.Path(__file__).with_suffix(".mjs")


def run(tally, label, place, packages):
    bucket, tree = place.bucket("javascript"), plant(place.folder / "tree")
    # node looks for packages beside the script.
    os.symlink(pathlib.Path(packages).resolve(), place.folder / "node_modules")
    shutil.copy(SCRIPT, place.folder)
    told = {"endpoint": place.endpoint, "region": REGION, "access": ACCESS, "secret": SECRET, "bucket": bucket, "tree": str(tree)}
    env = place.environment(PLACE=json.dumps(told), **({"NODE_EXTRA_CA_CERTS": place.ca} if place.https else {}))
    process = subprocess.Popen(["node", SCRIPT.name], cwd=place.folder, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stored = {}
    with process:
        for line in map(json.loads, process.stdout):
            if "stored" in line:
                stored[line["stored"]] = files(tree)[line["file"]]
            elif "look" in line:
                tally.run(f"{label} sealed", opens_to, place.read, bucket, stored)
                process.stdin.write("go on\n")
                process.stdin.flush()
            else:
                tally.record(f"{label} {line['check']}", time.monotonic() - line["seconds"], line.get("problem"))

    def ended():
        assert process.returncode == 0, f"node ended with {process.returncode}"
    tally.run(f"{label} ends", ended)
