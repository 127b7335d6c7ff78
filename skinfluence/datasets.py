"""Data of the paper's experiments, found on this machine or fetched where that can be done."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home
from sklearn.utils import Bunch

__all__ = ["data_path", "load_enron1", "load_hospital_readmission", "load_mnist"]


def data_path(name: str) -> str | os.PathLike:
    """Return the path of a data file.

    Looked for in the folder that the environment variable ``SKINFLUENCE_DATA`` names, then in
    scikit-learn's data home.

    Parameters
    ----------
    name : str
        File name, such as "enron1.csv.gz".

    Returns
    -------
    path : pathlib.Path
        Of the file that was found first.

    Raises
    ------
    FileNotFoundError
        If neither folder has it; the message says where it was looked for.
    """
    folders = [os.environ.get("SKINFLUENCE_DATA"), get_data_home()]
    folders = [Path(folder) for folder in folders if folder]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"{name} is in none of {', '.join(map(str, folders))}; put it there, or set "
        "SKINFLUENCE_DATA to the folder that holds it."
    )


def load_enron1() -> Bunch:
    """Load the mails of the Enron-Spam corpus, folder enron1.

    Returns
    -------
    mails : Bunch
        ``data``: list of 5172 texts; ``target``: ndarray of "ham" (3672) and "spam" (1500);
        ``path``: the file.

    Notes
    -----
    Metsis, Androutsopoulos and Paliouras (2006), "Spam Filtering with Naive Bayes". Needs
    pandas (the "data" extra).
    """
    path = data_path("enron1.csv.gz")
    mails = _pandas("load_enron1").read_csv(path, keep_default_na=False)
    labels = mails["label"].to_numpy(dtype=str)
    return Bunch(data=mails["text"].tolist(), target=labels, path=path)


def load_hospital_readmission() -> Bunch:
    """Load ten years of hospital encounters of patients with diabetes.

    Returns
    -------
    encounters : Bunch
        ``frame``: DataFrame of 101766 rows and 50 columns as they were published, "?" where a
        value is missing; its last column ``readmitted`` is "<30", ">30" or "NO"; ``path``: the
        file.

    Notes
    -----
    Strack et al. (2014), "Impact of HbA1c Measurement on Hospital Readmission Rates"; the UCI
    repository's "Diabetes 130-US hospitals". Needs pandas (the "data" extra).
    """
    pandas, path = _pandas("load_hospital_readmission"), data_path("diabetic_data.csv.gz")
    return Bunch(frame=pandas.read_csv(path, keep_default_na=False), path=path)


def load_mnist() -> Bunch:
    """Load MNIST in its original order; fetched from OpenML if no file is at hand.

    Returns
    -------
    digits : Bunch
        ``X_train`` (60000, 784), ``X_test`` (10000, 784): uint8; ``y_train``, ``y_test``: int.
    """
    try:
        with np.load(data_path("mnist.npz")) as file:
            arrays = {name: file[name] for name in ("X_train", "y_train", "X_test", "y_test")}
    except FileNotFoundError:
        X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        arrays = {"X_train": X[:60000], "y_train": y[:60000]}
        arrays |= {"X_test": X[60000:], "y_test": y[60000:]}
    return Bunch(
        X_train=arrays["X_train"].reshape(-1, 784).astype(np.uint8),
        y_train=arrays["y_train"].astype(int),
        X_test=arrays["X_test"].reshape(-1, 784).astype(np.uint8),
        y_test=arrays["y_test"].astype(int),
    )


def _pandas(loader: str) -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{loader} needs pandas; install it with `pip install skinfluence[data]`."
        ) from error
    return pandas
