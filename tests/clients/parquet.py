"""pyarrow: a Parquet dataset written and read by column and by range through its own S3 file system (the AWS SDK for C++)."""
import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet

from content import MIB, SIZES, files, lengths, noise, plant
from stage import ACCESS, REGION, SECRET
from stored import opens_to

ROWS = 400_000


def run(tally, label, place, _program):
    s3 = pyarrow.fs.S3FileSystem(
        access_key=ACCESS, secret_key=SECRET, region=REGION, scheme="https" if place.https else "http", endpoint_override=place.host,
        allow_bucket_creation=True, allow_bucket_deletion=True, **({"tls_ca_file_path": place.ca} if place.https else {}))
    bucket, tree = place.bucket("pyarrow"), plant(place.folder / "tree")
    table = pyarrow.table({
        "number": range(ROWS), "group": [row % 3 for row in range(ROWS)],
        "noise": pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(64), ROWS, [None, pyarrow.py_buffer(noise("rows", 64 * ROWS))])})

    def read(path):
        with s3.open_input_stream(f"{bucket}/{path}") as file:
            return file.read()

    def streams():
        s3.create_dir(bucket)
        for name, content in files(tree).items():
            with s3.open_output_stream(f"{bucket}/tree/{name}", metadata={"Content-Type": "text/x"}) as file:  # in parts of 10 MB
                file.write(content)
        for name, content in files(tree).items():
            assert read(f"tree/{name}") == content, name
        opens_to(place.read, bucket, {f"tree/{name}": content for name, content in files(tree).items()})

    def one_file():
        pyarrow.parquet.write_table(table, f"{bucket}/rows.parquet", filesystem=s3, row_group_size=50_000)
        # The footer first, then only the pages of what is asked for.
        file = pyarrow.parquet.ParquetFile(f"{bucket}/rows.parquet", filesystem=s3)
        assert file.metadata.num_row_groups == 8
        part = file.read_row_group(5, columns=["number"])
        assert part["number"].to_pylist() == list(range(250_000, 300_000))
        assert file.read(columns=["noise"])["noise"].equals(table["noise"])
        content = read("rows.parquet")
        assert len(content) > 20 * MIB
        with s3.open_input_file(f"{bucket}/rows.parquet") as handle:
            assert handle.size() == len(content) and handle.read_at(100, 65_500) == content[65_500:65_600]
        opens_to(place.read, bucket, {"rows.parquet": content})

    def dataset():
        pyarrow.dataset.write_dataset(table, f"{bucket}/set", filesystem=s3, format="parquet", partitioning=["group"],
                                      partitioning_flavor="hive")
        again = pyarrow.dataset.dataset(f"{bucket}/set", filesystem=s3, format="parquet", partitioning="hive")
        assert again.count_rows() == ROWS
        some = again.to_table(columns=["number"], filter=(pyarrow.compute.field("group") == 2) & (pyarrow.compute.field("number") < 1000))
        assert sorted(some["number"].to_pylist()) == list(range(2, 1000, 3))
        parts = {path.split("/", 1)[1]: read(path.split("/", 1)[1]) for path in again.files}
        assert len(parts) == 3
        opens_to(place.read, bucket, parts)

    def listing():
        found = s3.get_file_info(pyarrow.fs.FileSelector(f"{bucket}/tree", recursive=True))
        sizes = {entry.path.split("/tree/")[1]: entry.size for entry in found if entry.is_file}
        assert sizes == lengths(tree), sizes

    def moved():
        s3.move(f"{bucket}/tree/large", f"{bucket}/größe moved")
        assert s3.get_file_info(f"{bucket}/tree/large").type == pyarrow.fs.FileType.NotFound
        opens_to(place.read, bucket, {"größe moved": noise("large", SIZES["large"])})

    def remove():
        s3.delete_dir(f"{bucket}/tree")
        s3.delete_dir(bucket)
        assert s3.get_file_info(bucket).type == pyarrow.fs.FileType.NotFound

    for check in (streams, one_file, dataset, listing, moved, remove):
        tally.run(f"{label} {check.__name__}", check)
