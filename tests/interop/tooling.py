"""The tools as processes: started once, asked many times, ended with the run. Knows how to speak to them (tools/serve.py), and no format.

Standard library only.
"""
import json
import os
import pathlib
import subprocess
import threading

HERE = pathlib.Path(__file__).resolve().parent


class Refused(AssertionError):
    """A tool answered that it cannot."""


class Tool:
    """One process, one request at a time. `environment` is all that it sees of the world."""

    def __init__(self, name, command, environment, folder):
        self.name, self.turn, self.folder = name, threading.Lock(), folder
        self.log = open(folder / f"{name}.log", "wb")
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment)

    def ask(self, **request):
        """The answer to one request; a refusal is an error that carries the tool's own words."""
        with self.turn:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {(self.folder / f'{self.name}.log').read_text(errors='replace')[-2000:]}")
        answer = json.loads(line)
        if not answer["ok"]:
            raise Refused(f"{self.name}: {answer['error']}")
        return answer

    def _file(self):
        """A file of this thread's own for content."""
        return self.folder / f"{self.name}-{threading.get_ident()}.content"

    def put(self, bucket, key, content, **request):
        file = self._file()
        file.write_bytes(content)
        self.ask(do="put", bucket=bucket, key=key, file=str(file), **request)

    def get(self, bucket, key, **request):
        file = self._file()
        file.unlink(missing_ok=True)
        self.ask(do="get", bucket=bucket, key=key, file=str(file), **request)
        return file.read_bytes()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def environment(store, kms, folder):
    """What a tool sees: where the store and the KMS are, credentials for both, and nothing of the caller's but the path."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": store["access_key"], "AWS_SECRET_ACCESS_KEY": store["secret"], "AWS_REGION": "us-east-1",
        "INTEROP_S3": store["endpoint"], "INTEROP_KMS": kms,
    }
