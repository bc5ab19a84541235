"""rclone's crypt remote over a bucket of the store, names left as they are. Knows how to call rclone and nothing of the format."""
import os
import subprocess


def program(path, store):
    """rclone with a remote `s:` for this store."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "RCLONE_CONFIG": "/dev/null", "RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_CONFIG_S_TYPE": "s3", "RCLONE_CONFIG_S_PROVIDER": "Other", "RCLONE_CONFIG_S_ENDPOINT": store["endpoint"],
        "RCLONE_CONFIG_S_ACCESS_KEY_ID": store["access_key"], "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": store["secret"],
    }

    def call(*arguments, stdin=b"", **more):
        return subprocess.run([path, *arguments], input=stdin, env={**environment, **more}, capture_output=True, check=True, timeout=120).stdout
    return call


class Crypt:
    """`copy` and `cat` through the remote; `suffix` is what it puts behind names (rclone's default is ".bin")."""

    def __init__(self, path, store, bucket, password, password2=None, suffix="none"):
        rclone = program(path, store)

        def obscured(password):
            """The form that rclone's configuration has."""
            return rclone("obscure", "-", stdin=password.encode()).decode().strip()
        more = {
            "RCLONE_CONFIG_C_TYPE": "crypt", "RCLONE_CONFIG_C_REMOTE": f"s:{bucket}", "RCLONE_CONFIG_C_FILENAME_ENCRYPTION": "off",
            "RCLONE_CONFIG_C_DIRECTORY_NAME_ENCRYPTION": "false", "RCLONE_CONFIG_C_SUFFIX": suffix, "RCLONE_CONFIG_C_PASSWORD": obscured(password),
        }
        if password2:
            more["RCLONE_CONFIG_C_PASSWORD2"] = obscured(password2)
        self.call = lambda *arguments, **stdin: rclone(*arguments, **stdin, **more)

    def put(self, key, content):
        self.call("rcat", f"c:{key}", stdin=content)

    def get(self, key):
        return self.call("cat", f"c:{key}")
