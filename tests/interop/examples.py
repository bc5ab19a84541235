"""Files of config/examples as settings of a daemon under test: their keys and rules word for word, only their secrets those of the test.

So a rule that the documentation shows is the rule that was tried. Standard library only.
"""
import json
import pathlib
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "config/examples"
REFERENCES = ("secret", "passphrase", "password2")


def value(of):
    """A value as TOML writes it."""
    if isinstance(of, bool):
        return "true" if of else "false"
    if isinstance(of, dict):
        return "{ " + ", ".join(f"{name} = {value(inner)}" for name, inner in of.items()) + " }"
    if isinstance(of, list):
        return "[" + ", ".join(map(value, of)) + "]"
    return json.dumps(of, ensure_ascii=False)


def table(heading, entries):
    return [heading, *(f"{name} = {value(of)}" for name, of in entries.items())]


def settings(name, folder, secrets, more):
    """The keys, keyring and rules of an example.

    `secrets` has the content of every secret by key id and setting (`{"old": {"secret": "…"}}`); `more` what else differs here for a key,
    such as the KMS of the test. An example that wants a secret which is not given, or the other way round, is a mistake.
    """
    example = tomllib.loads((FOLDER / name).read_text())
    lines, left = [], {(id, which) for id, kinds in secrets.items() for which in kinds}
    for key in example["keys"]:
        key = dict(key)
        for which in REFERENCES:
            if which in key:
                path = folder / f"{key['id']}.{which}"
                path.write_text(secrets[key["id"]][which])
                path.chmod(0o600)
                key[which] = f"file:{path}"
                left.discard((key["id"], which))
        lines += table("[[keys]]", {**key, **more.get(key["id"], {})})
    assert not left, f"{name} has no {left}"
    if "keyring" in example:
        lines += table("[keyring]", example["keyring"])
    for rule in example["rules"]:
        lines += table("[[rules]]", rule)
    return lines
