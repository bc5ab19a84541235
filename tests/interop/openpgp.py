"""gpg as scripts use it before an upload: with a passphrase, or for a recipient; binary or armored."""
import os
import subprocess


class Gpg:
    """A keyring of its own in `folder`, whose agent ends with it. The home is short: sockets have short names."""

    def __init__(self, folder):
        self.home, self.passphrase = folder, "a passphrase of the test"
        folder.mkdir(mode=0o700)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GNUPGHOME": str(folder), "LC_ALL": "C.UTF-8"}

    def run(self, *arguments, stdin=b""):
        command = ["gpg", "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", self.passphrase, *arguments]
        return subprocess.run(command, input=stdin, env=self.environment, capture_output=True, check=True, timeout=120).stdout

    def recipient(self, name, algorithm, usage):
        """A new key pair; returns the secret key, still under its passphrase."""
        self.run("--quick-generate-key", name, *algorithm, usage, "never")
        return self.run("--armor", "--export-secret-keys", name).decode()

    def symmetric(self, content, *more):
        return self.run("--symmetric", *more, stdin=content)

    def encrypted_for(self, name, content, *more):
        return self.run("--encrypt", "--trust-model", "always", "--recipient", name, *more, stdin=content)

    def opened(self, message):
        return self.run("--decrypt", stdin=message)

    def close(self):
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=self.environment, check=False, timeout=60)
