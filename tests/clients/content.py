"""What clients carry: bytes that can be made again, trees of files, and comparing them. Knows no client and no store."""
import pathlib
import random

MIB = 1 << 20
# An empty object, the borders of a chunk, more than a client sends in one request, and names that are often encoded wrongly.
SIZES = {
    "empty": 0, "one": 1, "d/border": 65536, "d/e/border+1": 65537, "größe %+&=é.bin": 1000, "d/two  spaces/~(a)'!,;@$": 17,
    "seven MiB": 7 * MIB + 3, "large": 20 * MIB + 5,
}


def noise(seed, size):
    """`size` bytes that depend on `seed`, repeat nowhere and cannot be compressed: clients that do so would send less than meant."""
    return random.Random(str(seed)).randbytes(size)


def plant(root, sizes=None):
    """Makes a file for each name under `root`, which it returns."""
    for name, size in (SIZES if sizes is None else sizes).items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(name, size))
    return pathlib.Path(root)


def files(root):
    """Name to content of every file under `root`."""
    return {str(path.relative_to(root)): path.read_bytes() for path in pathlib.Path(root).rglob("*") if path.is_file()}


def lengths(root):
    return {name: len(content) for name, content in files(root).items()}


def same(left, right):
    """Two files, or two trees, hold the same."""
    if pathlib.Path(left).is_dir():
        one, other = files(left), files(right)
        assert one.keys() == other.keys(), sorted(one.keys() ^ other.keys())
        assert one == other, [name for name in one if one[name] != other[name]]
    else:
        assert pathlib.Path(left).read_bytes() == pathlib.Path(right).read_bytes(), f"{left} and {right} differ"
