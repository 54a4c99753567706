"""Makes the files beside this script.

    pip install pyarrow==21.0.0
    python make.py
"""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent
ROWS = range(5)
RIGHT = pa.table({
    "double": pa.array([i + 0.5 for i in ROWS], pa.float64()),
    "single": pa.array([i / 4 for i in ROWS], pa.float32()),
    "long": pa.array([-(2**40) * i for i in ROWS], pa.int64()),
    "small": pa.array([-i for i in ROWS], pa.int8()),
    "unsigned": pa.array([2**32 - 1 - i for i in ROWS], pa.uint32()),
    "flag": pa.array([i % 2 == 1 for i in ROWS], pa.bool_()),
    "word": pa.array(["red", "blue", "red", "", "green"], pa.string()),
})
WRONG = {
    "missing": pa.table({"a": pa.array([1.0, None])}),
    "nested": pa.table({"a": pa.array([[1.0], [2.0]])}),
    "date": pa.table({"a": pa.array([datetime.date(2020, 1, 1)])}),
    "decimal": pa.table({"a": pa.array([decimal.Decimal("1.25")])}),
}
for codec in ("none", "snappy", "gzip", "zstd"):
    pq.write_table(RIGHT, HERE / f"{codec}.parquet", compression=codec, row_group_size=2)
pq.write_table(RIGHT, HERE / "plain.parquet", use_dictionary=False, data_page_version="2.0")
for name, table in WRONG.items():
    pq.write_table(table, HERE / f"{name}.wrong.parquet")
