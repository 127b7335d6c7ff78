"""Reports: what is in them, that they stand alone, and that nothing in the data can break them."""

import base64
import json
import re
from pathlib import Path

import html5lib
import numpy as np
import pytest
from browser import chromium, dimensions, printed, resize
from cases import logistic
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, LabelCleaner

pytestmark = pytest.mark.xdist_group("report")  # one worker, and one browser

HTML = "{http://www.w3.org/1999/xhtml}"
#: What a mail may hold that a page must not take for its own.
HOSTILE = [
    "<script>window.broken = 1</script>",
    '"><img src="https://example.org/x.png" onerror="window.broken = 2">',
    "' onmouseover='window.broken = 3' x='",
    "</script><script>window.broken = 4</script>",
    "]]> <!-- </style> </textarea> --> &amp; &#0;",
    "{{ 7 * 7 }} {% raw %} {# #}",
    "NUL \x00 bell \x07 escape \x1b[31m delete \x7f C1 \x9b half \ud83d none \uffff \ufeff",
    "override \u202e reversed",
]


def mails(extra=()):
    """Return 80 texts of two kinds and their labels, two of them wrong."""
    random, words = np.random.RandomState(0), ("pleasant calm friendly", "awful noisy rude")
    texts = [" ".join(random.choice(words[i % 2].split(), 3)) + f" w{i % 7}" for i in range(80)]
    labels = np.array(["good", "bad"])[np.arange(80) % 2].astype(object)
    labels[[4, 11]] = ["bad", "good"]
    for i, words in enumerate(extra):
        texts[i] += " " + words
    return texts, labels


def page(tmp_path, estimator, *asked, **params):
    """Write a report, and return its text."""
    path = tmp_path / "report.html"
    estimator.to_html(path, *asked, **params)
    return path.read_text(encoding="utf-8")


def parsed(text):
    """Return the page as an element tree; AssertionError where it is not valid HTML."""
    parser = html5lib.HTMLParser(strict=False)
    tree = parser.parse(text)
    assert not parser.errors, parser.errors[:3]
    return tree


def words(element):
    return " ".join(" ".join(element.itertext()).split())


def records(tree):
    """Return the records of the ranking."""
    table = next(t for t in tree.iter(f"{HTML}table") if t.get("class") == "records")
    return table.findall(f"{HTML}tbody")


def text_cleaner(texts, labels):
    return LabelCleaner(make_pipeline(CountVectorizer(), LogisticRegression())).fit(texts, labels)


@pytest.fixture(scope="module")
def cleaner():
    """A cleaner of mails that hold whatever could break a page."""
    return text_cleaner(*mails(HOSTILE))


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=4, return_X_y=True)
    X, y = X[:300] / 16, y[:300].copy()
    y[:6] = (y[:6] + 1) % 4
    return X, y


@pytest.fixture(scope="module")
def of_digits(digits):
    """A cleaner of images."""
    return LabelCleaner(logistic()).fit(*digits)


@pytest.fixture(scope="module")
def report(cleaner, tmp_path_factory):
    """The path of a report of hostile mails."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    cleaner.to_html(path)
    return path


@pytest.fixture(scope="module")
def written(report):
    """The text of the report of hostile mails."""
    return report.read_text(encoding="utf-8")


# What is in it


def test_ranking_is_the_cleaners(cleaner, tmp_path):
    _, labels = mails()
    found = records(parsed(page(tmp_path, cleaner, max_rows=12)))
    assert len(found) == 12
    for record, row in zip(found, cleaner.ranking_):
        cells = [words(cell) for cell in record[0]]
        assert cells[1:4] == [str(row), labels[row], cleaner.suggested_labels_[row]]
        assert cells[5] == ("flagged" if cleaner.flagged_[row] else "not flagged")


def test_rows_are_beside_those_that_contradict_them(cleaner, written):
    _, labels = mails()
    found = cleaner.contradicting_rows(cleaner.ranking_[:5], k=79)
    for record, row, others in zip(records(parsed(written)), cleaner.ranking_, found.rows):
        fit = [o for o in others if labels[o] != labels[row] and not cleaner.flagged_[o]]
        shown = re.findall(r"Row (\d+)", words(record[1]))
        assert shown == [str(row), *map(str, fit[:3])]


def test_summary_counts(cleaner, tmp_path):
    text = words(parsed(page(tmp_path, cleaner, title="Mails & more")))
    flagged = cleaner.flagged_.sum()
    assert f"{flagged} of 80 rows" in text
    assert f"Flagged {flagged} {100 * flagged / 80:.1f}%" in text
    assert "Mails & more" in text
    assert "Really fitted again" in text and "agree" in text


def test_pictures_where_rows_are_images(of_digits, tmp_path):
    found = records(parsed(page(tmp_path, of_digits, max_rows=5)))
    for record, row in zip(found, of_digits.ranking_):
        picture = next(record.iter(f"{HTML}img"))
        assert f"row {row}" in picture.get("alt")
        png = base64.b64decode(picture.get("src").removeprefix("data:image/png;base64,"))
        assert png.startswith(b"\x89PNG")
        shape = tuple(np.frombuffer(png[16:24], ">u4"))
        assert shape == (8, 8)


def test_image_shape_is_given_or_guessed(digits, tmp_path):
    X, y = digits
    cleaner = LabelCleaner(logistic(), penalty="keep").fit(X[:, :60], y)
    assert "<img" not in page(tmp_path, cleaner, max_rows=2)
    assert "<img" in page(tmp_path, cleaner, max_rows=2, image_shape=(6, 10))
    for bad in [(7, 7), (60,), (6.0, 10), (3, 5, 4)]:
        with pytest.raises(ValueError, match="`image_shape`"):
            cleaner.to_html(tmp_path / "r.html", image_shape=bad)
    scaled = LabelCleaner(logistic(), penalty="keep").fit(X - 0.5, y)
    assert "<img" not in page(tmp_path, scaled, max_rows=2)


def test_columns_of_a_data_frame(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame, y = load_breast_cancer(return_X_y=True, as_frame=True)
    frame = frame[:60].set_index(np.array([f"patient {i}" for i in range(60)]))
    frame.iloc[0, 0] = np.nan
    shown = frame.fillna(0)
    cleaner = LabelCleaner(make_pipeline(StandardScaler(), logistic())).fit(shown, y[:60])
    text = page(tmp_path, cleaner, table=frame, max_rows=60)
    record = next(r for r in records(parsed(text)) if r.get("id") == "row-0")
    assert "patient 0" in words(record) and "mean radius missing" in words(record)
    assert "18 more columns" in words(record)
    with pytest.raises(ValueError, match="one row for each of the 60"):
        cleaner.to_html(tmp_path / "r.html", table=frame[:50])
    with pytest.raises(TypeError, match="must be a DataFrame"):
        cleaner.to_html(tmp_path / "r.html", table=frame.to_numpy())
    assert isinstance(frame, pandas.DataFrame)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix, list])
def test_kinds_of_rows(form, tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X[:100])
    X[:, 5] = 0
    X = X.tolist() if form is list else form(X)
    cleaner = LabelCleaner(logistic()).fit(X, y[:100])
    text = words(parsed(page(tmp_path, cleaner, max_rows=3)))
    assert "column 2" in text
    assert ("column 5" in text) == (not sparse.issparse(X))


def test_regression(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    y = y.copy()
    y[5] += 1000
    cleaner = LabelCleaner(Ridge()).fit(X, y)
    tree = parsed(page(tmp_path, cleaner, max_rows=8))
    cells = [words(cell) for cell in records(tree)[0][0]]
    assert cells[1] == "5" and cells[2] == f"{y[5]:.6g}" and cells[4].startswith("+")
    assert "Expected" in words(tree)


def test_regression_of_several_outputs(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    y = np.column_stack([y, -y])
    y[5] += 1000
    tree = parsed(page(tmp_path, LabelCleaner(Ridge()).fit(X, y), max_rows=3))
    cells = [words(cell) for cell in records(tree)[0][0]]
    assert cells[1] == "5" and cells[2] == f"{y[5, 0]:.6g}, {y[5, 1]:.6g}"


def test_nothing_flagged(tmp_path):
    X = np.r_[np.linspace(-2, -1, 30), np.linspace(1, 2, 30)][:, None]
    text = words(parsed(page(tmp_path, LabelCleaner().fit(X, np.arange(60) >= 30))))
    assert "none of the 60 labels" in text


@pytest.mark.parametrize("method", ["influence", "newton", "retrain"])
def test_explainer_shows_helpful_and_harmful_rows(method, tmp_path):
    texts, labels = mails(HOSTILE)
    model = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-8))
    explainer = InfluenceExplainer(model, method=method).fit(texts[:60], labels[:60])
    asked = texts[60:66], labels[60:66]
    tree = parsed(page(tmp_path, explainer, *asked, k=2))
    expected = explainer.most_influential(*asked, k=2)
    for i, record in enumerate(records(tree)):
        cells = [words(cell) for cell in record[0]]
        assert cells[:3] == [str(i), labels[60 + i], explainer.predict([texts[60 + i]])[0]]
        rows = re.findall(r"Row (\d+)", words(record[1]))[1:]
        assert rows == [str(j) for side in ("helpful", "harmful") for j in expected[side][i]]
    assert ("Really fitted again" in words(tree)) == (method != "retrain")


def test_explainer_of_images_and_of_values(digits, tmp_path):
    X, y = digits
    explainer = InfluenceExplainer(logistic(), refine=True).fit(X[:200], y[:200])
    assert page(tmp_path, explainer, X[200:203], y[200:203], k=1).count("<img") == 9
    X, y = load_diabetes(return_X_y=True)
    explainer = InfluenceExplainer(Ridge()).fit(X[5:], y[5:])
    tree = parsed(page(tmp_path, explainer, X[:5], y[:5]))
    assert words(records(tree)[0][0][4]) == "–"


def test_same_report_every_time(cleaner, written, tmp_path):
    assert page(tmp_path, cleaner) == written


# What the data cannot do


def test_whatever_the_data_holds_is_text(cleaner, tmp_path):
    text = page(tmp_path, cleaner, title=HOSTILE[3])
    tree = parsed(text)
    assert sum(1 for _ in tree.iter(f"{HTML}script")) == 1
    assert not [e for e in tree.iter() if any(name.startswith("on") for name in e.attrib)]
    told = words(tree)
    for hostile in HOSTILE[:6]:
        assert " ".join(hostile.split()) in told
    assert "NUL ␀ bell ␇ escape ␛[31m delete ␡ C1 � half � none � �" in told


def test_labels_and_columns_are_escaped_in_attributes(tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y = load_breast_cancer(return_X_y=True)
    names = [f'x{j}"><b id=oops>' for j in range(30)]
    frame = pandas.DataFrame(StandardScaler().fit_transform(X), columns=names)[:100]
    labels = np.array(['" onclick="x', "</td>\x00</table>"])[y[:100]]
    tree = parsed(page(tmp_path, LabelCleaner(logistic()).fit(frame, labels), max_rows=5))
    assert not [e for e in tree.iter() if e.get("id") == "oops" or e.get("onclick")]
    assert len(records(tree)) == 5 and "</td>␀</table>" in words(tree)


def test_long_texts_are_folded_and_all_there(tmp_path):
    texts, labels = mails()
    texts[4] += " " + "abc " * 5000 + "END"
    tree = parsed(page(tmp_path, text_cleaner(texts, labels)))
    folded = [d for d in tree.iter(f"{HTML}details") if "END" in words(d)]
    assert folded and f"{len(texts[4]):,} characters" in words(folded[0][0])


def test_it_stands_alone(written, of_digits, tmp_path):
    for text in (written, page(tmp_path, of_digits)):
        tree = parsed(text)
        policy = next(m.get("content") for m in tree.iter(f"{HTML}meta") if m.get("http-equiv"))
        assert "default-src 'none'" in policy and "unsafe-inline'; img" in policy
        for element in tree.iter():
            for name in ("src", "href", "srcset", "data", "action"):
                assert element.get(name, "data:").startswith(("data:", "#")), element.attrib
        style = next(tree.iter(f"{HTML}style")).text
        assert "url(" not in style and "@import" not in style


def test_ids_are_unique_and_links_lead_somewhere(written):
    ids = [element.get("id") for element in parsed(written).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:href="#|url\(#)([\w-]+)', written):
        assert target in ids


# The file


def test_failure_leaves_the_old_file(cleaner, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(self, *args, **kwargs):
        with open(self, "w") as file:
            file.write("half")
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            cleaner.to_html(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_bad_paths_and_arguments_are_refused_before_any_work(cleaner, tmp_path):
    with pytest.raises(FileNotFoundError, match="folder that exists"):
        cleaner.to_html(tmp_path / "none" / "report.html")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        cleaner.to_html(tmp_path)
    with pytest.raises(ValueError, match="`max_rows` must be"):
        cleaner.to_html(tmp_path / "report.html", max_rows=0)
    with pytest.raises(NotFittedError):
        LabelCleaner().to_html(tmp_path / "report.html")
    with pytest.raises(NotFittedError):
        InfluenceExplainer().to_html(tmp_path / "report.html", [[0.0]], [0])
    assert not list(tmp_path.iterdir())


def test_missing_package_names_the_extra(cleaner, tmp_path, monkeypatch):
    monkeypatch.setattr("skinfluence.report._page.find_spec", lambda name: name != "jinja2" or None)
    with pytest.raises(ImportError, match=r"needs jinja2.*skinfluence\[report\]"):
        cleaner.to_html(tmp_path / "report.html")


def test_what_fit_was_given_is_kept_and_not_copied(digits, of_digits):
    X, y = digits
    assert of_digits._training.X is X
    assert InfluenceExplainer(logistic(), refine=True).fit(X, y).answers_.fit.model.X_given is X


# In a browser


@pytest.fixture(scope="module")
def address(report):
    return report.as_uri()


@pytest.fixture(scope="module")
def browser(address):
    with chromium() as driver:
        driver.get(address)
        yield driver


@pytest.fixture
def opened(browser, address):
    """The browser, at the report as it opens."""
    browser.get(address)
    return browser


def visible_rows(browser):
    """Return the row numbers of the records that are shown, in order."""
    found = browser.find_elements("css selector", ".records > tbody")
    return [int(r.get_attribute("id")[4:]) for r in found if r.is_displayed()]


def control(browser, label):
    """Return the input or select of a label's text."""
    return browser.find_element("xpath", f"//label[text()={label!r}]/*")


def press(browser, text):
    browser.find_element("xpath", f"//button[text()={text!r}]").click()


def choose(browser, label, value):
    control(browser, label).find_element("xpath", f"option[text()={value!r}]").click()


def test_paging(opened, cleaner):
    assert_array_equal(visible_rows(opened), cleaner.ranking_[:10])
    press(opened, "Next")
    assert_array_equal(visible_rows(opened), cleaner.ranking_[10:20])
    press(opened, "Previous")
    assert_array_equal(visible_rows(opened), cleaner.ranking_[:10])
    choose(opened, "Rows a page", "all")
    assert_array_equal(visible_rows(opened), cleaner.ranking_)
    assert opened.find_element("css selector", ".status").text == "1–80 of 80"


def test_sorting(opened, cleaner):
    choose(opened, "Rows a page", "all")
    header = opened.find_element("xpath", "//th[button[text()='Row']]")
    press(opened, "Row")
    assert header.get_attribute("aria-sort") == "ascending"
    assert visible_rows(opened) == list(range(80))
    press(opened, "Row")
    assert header.get_attribute("aria-sort") == "descending"
    assert visible_rows(opened) == list(range(80))[::-1]
    press(opened, "Probability of the label")
    assert header.get_attribute("aria-sort") is None
    assert_array_equal(visible_rows(opened), cleaner.ranking_)


def test_filtering(opened, cleaner):
    _, labels = mails()
    choose(opened, "Rows a page", "all")
    choose(opened, "Given label", "good")
    expected = [row for row in cleaner.ranking_ if labels[row] == "good"]
    assert visible_rows(opened) == expected
    choose(opened, "State", "flagged")
    assert visible_rows(opened) == [row for row in expected if cleaner.flagged_[row]]
    choose(opened, "State", "all")
    choose(opened, "Given label", "all")
    control(opened, "Search").send_keys("<SCRIPT> window.broken")
    assert 0 in visible_rows(opened) and len(visible_rows(opened)) < 80
    control(opened, "Search").send_keys(" nowhere")
    assert visible_rows(opened) == []
    assert opened.find_element("css selector", ".status").text == "No row fits"


def test_keyboard(opened, cleaner):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def active():
        return opened.execute_script(
            "const a = document.activeElement;"
            "return [a.tagName, a.textContent, getComputedStyle(a).outlineStyle]"
        )

    seen, press_keys = [], lambda *keys: ActionChains(opened).send_keys(*keys).perform()
    for _ in range(12):
        press_keys(Keys.TAB)
        seen.append(active())
        if seen[-1][1] == "Row":
            break
    assert seen[0][1] == "Skip to the rows"
    assert all(style != "none" for _, _, style in seen)
    press_keys(Keys.ENTER)
    assert visible_rows(opened) == list(range(10))
    press_keys(Keys.SPACE)
    assert visible_rows(opened) == list(range(79, 69, -1))


def test_no_script_of_the_data_runs_and_nothing_is_asked_for(opened, address):
    assert opened.execute_script("return window.broken") is None
    assert opened.get_log("browser") == []
    messages = [json.loads(line["message"])["message"] for line in opened.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    asked = {r["request"]["url"] for r in sent if r["documentURL"] == address}
    assert address in asked and all(url.startswith("data:") for url in asked - {address})


def write_kind(kind, path, cleaner, of_digits):
    """Write a report of one kind of rows."""
    if kind == "texts":
        cleaner.to_html(path)
    elif kind == "columns":
        X, y = load_breast_cancer(return_X_y=True)
        LabelCleaner(logistic()).fit(StandardScaler().fit_transform(X)[:80], y[:80]).to_html(path)
    elif kind == "images":
        of_digits.to_html(path, max_rows=20)
    else:
        X, y = load_diabetes(return_X_y=True)
        InfluenceExplainer(Ridge()).fit(X[9:], y[9:]).to_html(path, X[:9], y[:9])


@pytest.mark.parametrize("kind", ["texts", "columns", "images", "explained"])
def test_no_page_is_wider_than_the_screen(kind, browser, cleaner, of_digits, tmp_path):
    path = tmp_path / "report.html"
    write_kind(kind, path, cleaner, of_digits)
    try:
        for width in (320, 390, 800, 1200):
            resize(browser, width)
            browser.get(path.as_uri())
            content, room = dimensions(browser)
            assert content <= room <= width
            assert browser.get_log("browser") == []
    finally:
        resize(browser, 1200)


def test_all_rows_can_be_read_with_scripting_off(address, cleaner):
    with chromium(scripting=False) as browser:
        browser.get(address)
        assert_array_equal(visible_rows(browser), cleaner.ranking_)
        assert not browser.find_elements("css selector", ".controls")
        assert "NUL ␀" in browser.find_element("id", "row-6").text


def test_all_pages_are_printed(opened, cleaner):
    pdf = printed(opened)
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") > 8
