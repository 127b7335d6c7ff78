"""Tables: what a file is, what its columns are, and what a model can make of them."""

import gzip

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skinfluence.tables import (
    TableError,
    guess_columns,
    lines_of_rows,
    model_for,
    read_table,
    target_of,
    typed_frame,
)
from skinfluence.tables._model_choice import MOST_WORDS, most_words

N = 60


def cycled(*values):
    return [values[i % len(values)] for i in range(N)]


def written(path, columns):
    """Write {name: values} as CSV, and return what is read."""
    pd.DataFrame(columns).to_csv(path, index=False)
    return read_table(path)


#: name: (values, kind, part of the remark)
COLUMNS = {
    "price": ([str(i / 8) for i in range(N)], "number", ""),
    "thousands": ([f"{1000 * i:,}.50" for i in range(N)], "number", ""),
    "dollars": ([f"${1000 * i:,}" for i in range(N)], "number", ""),
    "comma": ([f"{i},25" for i in range(N)], "number", ""),
    "european": ([f"{i}.000,25" for i in range(1, N + 1)], "number", ""),
    "percent": ([f"{(i * 7) % N} %" for i in range(N)], "number", ""),
    "exponent": ([f"{i}e-3" for i in range(N)], "number", ""),
    "stray": ([*map(str, np.arange(N - 2) ** 2), "unknown", "unknown"], "number", "2 other values"),
    "half_numbers": (cycled("1", "low", "3", "high"), "category", ""),
    "icd": ([*map(str, [250.5, 410.25, 8.5] * (N // 3 - 1)), "V57", "V58", "E909"], "category", ""),
    "zip": (cycled("02139", "10001", "94110", "60601"), "category", "code"),
    "postal": (cycled("02139", "10001"), "category", "code"),
    "zip_code": (cycled("90210", "10001", "94110"), "category", "code"),
    "admission_type_id": (cycled("1", "2", "3"), "category", "code"),
    "id": ([str(i * 17 % 1009) for i in range(N)], "ignore", "identifier"),
    "PatientId": ([str(i * 17 % 1009) for i in range(N)], "ignore", "identifier"),
    "": ([str(i) for i in range(N)], "ignore", "identifier"),
    "uuid": ([f"{i:x}-{i * i:x}" for i in range(N)], "ignore", "identifier"),
    "yes_no": (cycled("yes", "no"), "category", ""),
    "truth": (cycled("True", "False", "True"), "category", ""),
    "flag": (cycled("x", ""), "category", ""),
    "none": (cycled("None", "mild", "severe"), "category", ""),
    "constant": (cycled("same"), "ignore", "same"),
    "zeros": (cycled("0"), "ignore", "same"),
    "nothing": (cycled("", "NA", "?"), "ignore", "no values"),
    "iso": ([f"2020-{i % 12 + 1:02d}-{i % 28 + 1:02d}" for i in range(N)], "date", ""),
    "iso_time": ([f"2020-01-{i % 28 + 1:02d}T{i % 24:02d}:30:00Z" for i in range(N)], "date", ""),
    "day_first": ([f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/2020" for i in range(N)], "date", ""),
    "month_first": ([f"{i % 12 + 1}/{i % 28 + 1}/2020 13:05" for i in range(N)], "date", ""),
    "german": ([f"{i % 28 + 1}.{i % 12 + 1}.2020" for i in range(N)], "date", ""),
    "named": ([f"Jan {i % 28 + 1}, 20{i % 10 + 10}" for i in range(N)], "date", ""),
    "text": ([f"a sentence of words, number {i}, goes on" for i in range(N)], "text", ""),
    "title": (cycled("a phrase of four words", "another phrase of words"), "category", ""),
    "many": ([f"level{i // 2}" for i in range(N)], "category", ""),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_kind(tmp_path, name):
    values, kind, remark = COLUMNS[name]
    frame = written(tmp_path / "table.csv", {name: values, "other": range(N)})
    (column, _) = guess_columns(frame)
    assert (column.kind, remark in column.reason) == (kind, True), column
    if kind != "ignore":
        (typed,) = (typed_frame(frame, [column])[column.name],)
        assert len(typed) == N and typed.notna().any()


@pytest.mark.parametrize(
    ("name", "third"),
    [
        ("price", 0.25),
        ("thousands", 2000.5),
        ("dollars", 2000),
        ("comma", 2.25),
        ("european", 3000.25),
        ("percent", 14),
        ("exponent", 2e-3),
        ("iso", pd.Timestamp(2020, 3, 3)),
        ("iso_time", pd.Timestamp(2020, 1, 3, 2, 30)),
        ("day_first", pd.Timestamp(2020, 3, 3)),
        ("month_first", pd.Timestamp(2020, 3, 3, 13, 5)),
        ("german", pd.Timestamp(2020, 3, 3)),
        ("named", pd.Timestamp(2012, 1, 3)),
        ("flag", "x"),
        ("none", "severe"),
    ],
)
def test_value(tmp_path, name, third):
    frame = written(tmp_path / "table.csv", {name: COLUMNS[name][0]})
    assert typed_frame(frame, guess_columns(frame))[name].iloc[2] == third


def test_missing_values_are_what_each_kind_calls_missing(tmp_path):
    columns = {"number": cycled("1", "2.5", "?"), "category": cycled("a", "b", "NA")}
    columns["date"] = cycled("2020-01-01", "2021-05-07", "null")
    frame = written(tmp_path / "table.csv", columns)
    typed = typed_frame(frame, guess_columns(frame))
    assert np.isnan(typed["number"].iloc[2]) and pd.isna(typed["date"].iloc[2])
    assert typed["category"].iloc[2] == "(missing)"


def test_a_known_kind_is_taken(tmp_path):
    frame = written(tmp_path / "table.csv", {"code": cycled("1", "2"), "id": range(N)})
    kinds = {"code": "number", "id": "category"}
    assert [column.kind for column in guess_columns(frame, kinds)] == ["number", "category"]


@pytest.mark.parametrize("kind", ["number", "date"])
def test_a_kind_that_does_not_fit_is_refused(tmp_path, kind):
    frame = written(tmp_path / "table.csv", {"word": cycled("red", "green")})
    with pytest.raises(TableError, match=f"'word' cannot be a {kind}.*'red'"):
        guess_columns(frame, {"word": kind})


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("compressed", [False, True])
def test_delimiters_and_compression(tmp_path, mark, compressed):
    text = f'a{mark}"b, c"\n1{mark}"x\ny"\n2{mark}z\n'.encode()
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(text) if compressed else text)
    frame = read_table(path)
    assert list(frame) == ["a", "b, c"] and list(frame["b, c"]) == ["x\ny", "z"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "table.csv"
    path.write_text("naïve,b\né,1\n", encoding=encoding)
    assert list(read_table(path, encoding=encoding)) == ["naïve", "b"]


def test_lines_count_blank_lines_and_breaks_in_values(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a,b\n1,"x\ny"\n\n2,z\n3,z\n')
    assert lines_of_rows(path, np.array([2, 0, 1])).tolist() == [6, 2, 5]
    assert len(read_table(path)) == 3


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "table.parquet"
    frame = pd.DataFrame(
        {
            "number": np.linspace(0, 1, N),
            "whole": pd.array([*range(0, 2 * N - 2, 2), None], dtype="Int64"),
            "when": pd.date_range("2020", periods=N),
            "truth": cycled(True, False),
            "level": pd.Categorical(cycled("a", "b")),
            "word": cycled("x", None),
        },
        index=np.arange(N) + 100,
    )
    frame.to_parquet(path)
    read = read_table(path)
    columns = guess_columns(read)
    kinds = [column.kind for column in columns[:6]]
    assert kinds == ["number", "number", "date", "category", "category", "category"], columns
    typed = typed_frame(read, columns)
    assert np.isnan(typed["whole"].iloc[-1]) and typed["word"].iloc[1] == "(missing)"
    assert typed["when"].iloc[1] == pd.Timestamp(2020, 1, 2)
    assert lines_of_rows(path, np.array([1])) is None


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (cycled("a", "b"), "classification"),
        (cycled("0", "1", "2"), "classification"),
        (cycled("1.5", "2"), "regression"),
        (list(range(N)), "regression"),
    ],
)
def test_task_is_that_of_the_target(tmp_path, values, task):
    frame = written(tmp_path / "table.csv", {"y": values, "x": range(N)})
    assert target_of(frame, "y").task == task


def test_every_kind_of_column_becomes_features(tmp_path):
    frame = written(tmp_path / "table.csv", {name: COLUMNS[name][0] for name in COLUMNS})
    columns = guess_columns(frame)
    frame["y"] = cycled("a", "b", "b")
    model = model_for(columns, target_of(frame, "y"))
    X = typed_frame(frame, columns)
    features = clone(model[:-1]).fit(X)
    made = features.transform(X)
    assert made.shape == (N, len(features.get_feature_names_out()))
    assert np.all(np.isfinite(made.toarray() if hasattr(made, "toarray") else made))


def test_categories_that_are_new_or_rare_share_a_feature(tmp_path):
    levels = [f"level{i % 50}" for i in range(20 * N)]
    frame = written(tmp_path / "table.csv", {"c": levels, "y": cycled("a", "b") * 20})
    columns = guess_columns(frame[["c"]])
    features = model_for(columns, target_of(frame, "y"))[:-1]
    made = features.fit_transform(typed_frame(frame, columns))
    assert made.shape[1] == 30
    other = typed_frame(pd.DataFrame({"c": ["new", None]}, dtype="string"), columns)
    assert features.transform(other).sum() == 2


def test_words_are_counted_while_leverages_are_cheap():
    assert most_words(5000, 2) == MOST_WORDS  # in the dual their number does not matter
    few, many = most_words(200_000, 2), most_words(20_000, 2)
    assert few < many < MOST_WORDS
    assert most_words(20_000, 5) < many
