"""What is kept of finished runs, and the report that is made from it alone."""

import dataclasses
import json
import random
import re

import damage
import numpy as np
import pytest
import reports
from PIL import Image

from experiments import catalogue, evidence, ledger, plots, report
from experiments.__main__ import main
from experiments.catalogue import EXPERIMENTS
from experiments.intervals import summarize
from experiments.report import counts, page, table
from experiments.report.answers import load, recall
from experiments.report.table import cell
from experiments.runner import Row
from experiments.statistics import Drawn, Measured, Number, Toy

WRITTEN = ("RESULTS.md", "results.html")


@pytest.fixture
def place(monkeypatch, tmp_path):
    """An empty folder of evidence and one of its report, in place of the real ones; there is no results/."""
    kept, committed = tmp_path / "evidence", tmp_path / "committed"
    kept.mkdir()
    committed.mkdir()
    monkeypatch.setattr(evidence, "FOLDER", kept)
    monkeypatch.setattr(report, "COMMITTED", committed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder):
    """Every file under a folder, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def draw(folder, *names):
    """Leave small plots in a folder."""
    for number, name in enumerate(names):
        plots.curves(folder / f"{name}.png", {"a": [1, 2 + number]}, title=name, ylabel="y")


# What is kept.


def test_values_are_kept_by_metric_and_to_seven_digits(place):
    measured = {
        "x": summarize([1 / 3, np.nan]),
        "two arms": summarize([[1.0, 2.0], [3.0, 1e-9 / 3]]),
        "alone": summarize(0.05605011767),
    }
    result = reports.result_of("ch1-darkness", measured=measured, curves={"bulky": [1.0] * 1000})
    evidence.keep(result, [])
    (found,) = evidence.read(place / "evidence").values()
    values = {metric: summary["per_seed"] for metric, summary in found["measured"].items()}
    assert values == {
        "x": [0.3333333, None],
        "two arms": [[1.0, 2.0], [3.0, 3.333333e-10]],
        "alone": [0.05605011767],
    }
    assert found["measured"]["x"]["mean"] == 0.3333333
    settings = {key: result[key] for key in result.keys() - {"measured", "rows", "curves"}}
    assert {key: found[key] for key in found.keys() - {"measured"}} == settings
    # One line for each entry and each metric.
    text = (place / "evidence" / "ch1-darkness.json").read_text()
    assert text.count("\n") == 1 + len(settings) + 1 + 3 + 2
    assert [line for line in text.splitlines() if "two arms" in line] == [
        '  "two arms": [[1.0, 2.0], [3.0, 3.333333e-10]],'
    ]


def test_plots_are_kept_without_loss_and_old_ones_go(place):
    folder = reports.leave(place / "results", "ch1-darkness")
    draw(folder, "one", "two")
    assert main(["report"]) == 0
    own = place / "evidence" / "ch1-darkness"
    assert {path.name for path in own.iterdir()} == {"one.webp", "two.webp"}
    with Image.open(folder / "one.png") as drawn, Image.open(own / "one.webp") as kept:
        assert kept.size == drawn.size
        assert (own / "one.webp").stat().st_size < (folder / "one.png").stat().st_size / 2
        off = np.abs(np.asarray(drawn.convert("RGB"), int) - np.asarray(kept.convert("RGB"), int))
        assert len(kept.convert("RGB").getcolors()) <= max(evidence.COLOURS)
        assert np.mean(off.max(axis=-1) > 1) < 0.1  # of 255 steps: areas and lines have the colours that they had
    (folder / "two.png").unlink()
    assert main(["report"]) == 0
    assert {path.name for path in own.iterdir()} == {"one.webp"}
    text = (place / "committed" / "results.html").read_text()
    assert text.count("data:image/webp;base64,") == 1
    assert 'alt="Plot one of ch1-darkness: ' in text


# What is taken in.


def test_a_run_of_one_question_changes_its_part_alone(place):
    for name in ("ch1-darkness", "ch1-baseline"):
        draw(reports.leave(place / "results", name), "plot")
    assert main(["report"]) == 0
    before = contents(place / "evidence")
    assert set(before) == {
        f"{name}{end}" for name in ("ch1-darkness", "ch1-baseline") for end in (".json", "/plot.webp")
    }
    new = reports.leave(place / "elsewhere", "ch1-darkness", commit="def", started="2100-01-02T00:00:00+00:00")
    draw(new, "plot")
    assert main(["report", str(place / "elsewhere")]) == 0
    after = contents(place / "evidence")
    assert {name for name in before if before[name] != after[name]} == {"ch1-darkness.json"}
    assert set(before) == set(after)
    assert list(recall()) == ["ch1-darkness", "ch1-baseline"]  # in the order of the book
    text = (place / "committed" / "RESULTS.md").read_text()
    assert "Made at 2 commits, abc first and def last, between 2100-01-01 and 2100-01-02." in text
    assert "| ch1-darkness | 6 | 90 | 1 | def | 2100-01-02 |" in text
    assert "| ch1-baseline | 6 | 90 | 1 | abc | 2100-01-01 |" in text
    known = json.loads((place / "committed" / "rules.json").read_text())["seen"]
    assert set(EXPERIMENTS["ch1-darkness"].ids) <= set(known)


def test_from_the_evidence_alone_the_same_report_is_made(place):
    draw(reports.leave(place / "results", "ch1-darkness"), "plot")
    assert main(["report"]) == 0
    kept, made = contents(place / "evidence"), contents(place / "committed")
    (place / "results").rename(place / "gone")
    assert main(["report"]) == 0
    assert contents(place / "evidence") == kept
    assert contents(place / "committed") == made
    assert set(made) == {*WRITTEN, "rules.json"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"comparable": False}, "quick, shortened or on other data"),
        ({"seeds": [0, 1]}, "of fewer seeds than what is kept"),
        ({"started": "2099-12-31T00:00:00+00:00"}, "older than what is kept"),
    ],
)
def test_what_is_no_better_than_what_is_kept_is_reported_beside_its_results(place, capsys, changes, reason):
    reports.leave(place / "results", "ch1-darkness")
    assert main(["report"]) == 0
    kept, made = contents(place / "evidence"), contents(place / "committed")
    reports.leave(place / "other", "ch1-darkness", **changes)
    capsys.readouterr()
    assert main(["report", "other"]) == 0
    told = capsys.readouterr().out
    assert f"{reason}: ch1-darkness. So the report goes to other, not to {place / 'committed'}; --out" in told
    assert contents(place / "evidence") == kept
    assert contents(place / "committed") == made
    assert all((place / "other" / name).exists() for name in WRITTEN)


def test_with_out_or_where_nothing_is_kept_only_the_results_are_reported(place, monkeypatch, capsys):
    reports.leave(place / "results", "ch1-darkness")
    assert main(["report", "--out", "here"]) == 0
    assert set(contents(place / "here")) == set(WRITTEN)
    assert contents(place / "evidence") == {}
    monkeypatch.setattr(evidence, "FOLDER", place / "nowhere")  # as where the program is installed
    assert main(["report"]) == 0
    assert set(contents(place / "results")) == {*WRITTEN, "ch1-darkness/result.json"}
    assert not (place / "nowhere").exists()
    assert contents(place / "committed") == {}
    (place / "results").rename(place / "gone")
    assert main(["report"]) == 2
    assert "no result.json under results; run python -m experiments NAME first" in capsys.readouterr().err


def test_the_report_says_by_checksum_which_data_they_were(place):
    reports.leave(place / "results", "ch1-darkness", data={"name": "mnist"})  # as it is kept: no other has this name
    other = {"train-images-idx3-ubyte": "0123456789abcdef" * 4, "train-labels-idx1-ubyte": "fedcba9876543210" * 4}
    reports.leave(place / "results", "ch1-baseline", data={"name": "fashion", "sha256": other})
    fashion, mnist = counts.data_files(load(place / "results"))
    assert fashion == (
        "The data `fashion`, by the first digits of the sha256 of each file's content: "
        "train-images-idx3-ubyte 0123456789abcdef, train-labels-idx1-ubyte fedcba9876543210."
    )
    # The sums that the mirrors of MNIST state for the decompressed files.
    assert "train-images-idx3-ubyte ba891046e6505d7a, train-labels-idx1-ubyte 65a50cbbf4e906d7" in mnist
    assert fashion in counts.tally(load(place / "results"))


def test_what_the_results_do_not_share_each_question_says(place):
    reports.leave(place / "results", "ch1-darkness")
    told = table.head(load(place / "results"))
    assert told == "Data: mnist. Seeds: 6. Device: 2 x a core (cpu). 2 min in all. Made at commit abc on 2100-01-01."
    changes = {"device": "8 x other (gpu)", "seeds": list(range(10)), "started": "2100-01-03T00:00:00+00:00"}
    reports.leave(place / "results", "ch1-baseline", **changes)
    answers = load(place / "results")
    assert table.head(answers) == (
        "Data: mnist. Seeds: 6 or 10. Device: 8 x other (gpu), 2 x a core (cpu). 3 min in all. "
        "Made at commit abc between 2100-01-01 and 2100-01-03. Each question says its own."
    )
    assert "| ch1-baseline | 10 | 90 | 1 | abc | 2100-01-03 | 8 x other (gpu) |" in table.times(answers)
    assert "10 seeds, on 8 x other (gpu), 2100-01-03 at commit abc" in counts.machine(answers["ch1-baseline"])


def test_questions_without_evidence_are_not_yet_run(place):
    reports.leave(place / "results", "ch1-darkness")
    wanted = [name for name, e in EXPERIMENTS.items() if e.chapter]
    missing = [name for name in wanted if name != "ch1-darkness"]
    answers = load(place / "results")
    line = f"Not yet run: {len(missing)} of {len(wanted)} questions: {', '.join(missing)}."
    assert line in counts.tally(answers, committed=True)
    assert not any("Not yet run" in told for told in counts.tally(answers))
    assert main(["report"]) == 0
    for name in WRITTEN:
        assert (place / "committed" / name).read_text().count("Not yet run: ") == 1
    assert counts.not_yet_run({}) == [f"Not yet run: {len(wanted)} of {len(wanted)} questions: {', '.join(wanted)}."]


# Two scales.


@pytest.fixture
def deep(monkeypatch):
    """A made-up chapter 6: one question with a number, a toy and a drawing, one with a number, and a cited entry."""

    def row(entry, metric, rule, **changes):
        words = {"did": "did", "reported": "said", "place": "there", "why": "so it is"}
        return Row(id=entry, metric=metric, rule=rule, **(words | changes))

    for name in [name for name, e in EXPERIMENTS.items() if e.chapter == "6"]:
        monkeypatch.delitem(EXPERIMENTS, name)
    for entry in [entry for entry in catalogue.NOT_RUN if entry.startswith("ch6-")]:
        monkeypatch.delitem(catalogue.NOT_RUN, entry)
    old = dataclasses.replace(EXPERIMENTS["ch1-darkness"], chapter="6", captions={})
    rows = (
        row("ch6-a", "accuracy", Number(0.99)),
        row("ch6-toy", "toy", Toy(1), anywhere=True),
        row("ch6-drawing", "pictures", Drawn()),
        row("ch6-free", "free", Measured()),
    )
    first = dataclasses.replace(old, name="ch6-first", metrics=("accuracy", "toy", "pictures", "free"), rows=rows)
    second = dataclasses.replace(
        old, name="ch6-second", metrics=("accuracy",), rows=(row("ch6-b", "accuracy", Number(0.98)),)
    )
    for one in (first, second):
        monkeypatch.setitem(EXPERIMENTS, one.name, one)
        monkeypatch.setitem(catalogue.QUESTIONS, one.name, f"What does {one.name} ask?")
    monkeypatch.setitem(catalogue.NOT_RUN, "ch6-cited", "it cites others")
    return first, second


def test_a_smaller_scale_is_not_compared_with_the_book(place, deep):
    for name in ("ch6-first", "ch6-second"):
        reports.leave(place / "results", name)
    answers = load(place / "results")
    words = {judged.row.id: (judged.word, judged.why) for judged in answers["ch6-first"].rows}
    assert words["ch6-a"] == words["ch6-free"] == ("smaller scale", "")
    assert words["ch6-toy"][0] == "reproduced"  # the same at any scale
    assert words["ch6-drawing"][0] == "drawn"
    text = table.markdown(answers)
    assert "| ch6-a | accuracy | said |" in text
    assert text.count("~ smaller scale, not compared with the book |") == 3
    told = counts.tally(answers)
    assert "2 rows for the book's chapters: 1 reproduced, 1 drawn." in told
    assert "3 rows at a smaller scale, not compared with the book." in told
    assert "Entries of chapter 6: 1 at the book's scale, 3 at a smaller scale, 1 drawn, 1 cited: 6 of 6." in told, told
    assert not any("with a verdict" in line for line in told)
    assert counts.answer_in_words(answers["ch6-second"]) == (
        "Measured at a smaller scale, and so not compared with the book."
    )
    assert "the book: " not in page.whole(answers).partition("<main>")[2]


def test_the_books_scale_comes_first_and_counts(place, deep):
    folder = place / "results"
    for changes in ({}, {"scale": "book", "commit": "def", "seeds": [0, 1, 2]}):
        draw(reports.leave(folder, "ch6-first", **changes), "plot")
    assert main(["report"]) == 0
    assert {"ch6-first.json", "ch6-first/plot.webp", "ch6-first-book.json", "ch6-first-book/plot.webp"} == set(
        contents(place / "evidence")
    )
    answers = recall()
    assert list(answers) == ["ch6-first-book", "ch6-first"]
    # What does not depend on the scale stands once, with the book's.
    assert [judged.row.id for judged in answers["ch6-first"].rows] == ["ch6-a", "ch6-free"]
    assert {judged.word for judged in answers["ch6-first"].rows} == {"smaller scale"}
    assert len(answers["ch6-first-book"].rows) == 4
    assert not any(judged.word == "smaller scale" for judged in answers["ch6-first-book"].rows)
    told = counts.tally(answers, committed=True)
    assert any(line.startswith("4 rows for the book's chapters: ") for line in told)
    assert "2 rows at a smaller scale, not compared with the book." in told
    assert "Entries of chapter 6: 3 at the book's scale, 0 at a smaller scale, 1 drawn, 1 cited: 5 of 6. Without " in (
        " ".join(told)
    )
    assert "Without one: ch6-b." in " ".join(told)
    text = (place / "committed" / "RESULTS.md").read_text()
    assert text.count("### What does ch6-first ask?") == 1
    assert 0 < text.index("#### At the book's scale") < text.index("#### At a smaller scale")
    assert "| ch6-first-book | 3 | 90 |" in text
    html = (place / "committed" / "results.html").read_text()
    assert html.count('id="ch6-first"') == html.count('<section class="question">') == 1
    assert html.count('href="#ch6-first"') == 1
    assert 0 < html.index("At the book&#x27;s scale") < html.index("At a smaller scale")
    assert "python -m experiments ch6-first --seeds 3 --scale book" in html
    assert 'alt="Plot plot of ch6-first-book: ' in html
    assert "not compared with the book</p>" in html


# What is committed.


def aged(text):
    """A report without the commits of its rules: those that are new have none until they are committed."""
    return re.sub(r"(\d{4}-\d\d-\d\d) [0-9a-f]{7,10}\b|\((?:[0-9a-f]{7,10}|not committed)\)", r"\1", text)


def test_the_report_that_is_committed_is_what_the_evidence_gives():
    answers = recall()
    made = {"RESULTS.md": table.markdown(answers, committed=True), "results.html": page.whole(answers, committed=True)}
    for name, text in made.items():
        kept = (report.COMMITTED / name).read_text()
        same = aged(text) == aged(kept)  # a comparison by assert would print megabytes
        assert same, f"{name} is not what the evidence gives: run python -m experiments report, and commit it"


def test_the_evidence_gives_the_verdicts_that_are_reported():
    told = (ledger.PATH.parent / "RESULTS.md").read_text().splitlines()
    assert not any("QUICK" in line for line in told)
    for name, run in evidence.read(evidence.FOLDER).items():
        experiment = EXPERIMENTS[run["experiment"]]
        assert name == evidence.name_of(run)
        assert run["comparable"]
        assert set(run["measured"]) <= set(experiment.metrics)
        if experiment.chapter in catalogue.TWO_SCALES and run["scale"] != "book":
            continue
        for row in experiment.rows:
            values = np.asarray(run["measured"][row.metric]["per_seed"], float)
            # The first that is left: an entry may have several rows for one metric, in this order.
            start = f"| {row.id} | {cell(row.metric)} | {cell(row.reported)} |"
            line = next(line for line in told if line.startswith(start))
            told.remove(line)
            word = row.rule.verdict(values).word
            assert re.match(rf"\W {word}( \[|$)", line.split(" | ")[4]), line
            if word == "not reproduced":
                (number,) = re.findall(r"\[\^(\d+)\]", line)
                explained = next(note for note in told if note.startswith(f"[^{number}]: "))
                assert "Why: " in explained, f"{row.id}, {row.metric} has no explanation"


def test_every_picture_that_is_kept_belongs_to_a_run():
    kept = evidence.read(evidence.FOLDER)
    folders = [path for path in evidence.FOLDER.iterdir() if path.is_dir()]
    assert {path.name for path in folders} <= set(kept)
    for path in evidence.FOLDER.rglob("*"):
        assert path.is_dir() or path.suffix in (".json", ".webp"), path
    for name, run in kept.items():
        stems = {path.stem for path in (evidence.FOLDER / name).glob("*")}
        assert set(EXPERIMENTS[run["experiment"]].captions) <= stems, f"{name}: a caption without its plot"


def test_the_catalogue_asks_no_question_twice():
    names = [
        evidence.name_of({"experiment": name, "scale": scale}) for name in EXPERIMENTS for scale in ("default", "book")
    ]
    assert len(names) == len(set(names))


# What is broken, and what is somebody's own.

ONE, OTHER = "ch1-darkness", "ch1-baseline"


def test_a_broken_result_is_named_and_the_others_are_reported(place, capsys):
    reports.leave(place / "results", ONE)
    reports.leave(place / "results", OTHER)
    for content in ("", "{", "[]", "null", "[" * 100_000, json.dumps({"experiment": OTHER})):
        (place / "results" / OTHER / "result.json").write_text(content)
        assert main(["report", "--out", "here"]) == 0
        told = capsys.readouterr()
        path = f"{place.joinpath('results', OTHER, 'result.json').relative_to(place)}"
        assert f"{path} is left out: it is no whole result (" in told.out
        assert told.err == ""
        assert ONE in (place / "here" / "RESULTS.md").read_text()


def test_where_every_result_is_broken_there_is_nothing_to_report(place, capsys):
    reports.leave(place / "results", ONE)
    (place / "results" / ONE / "result.json").write_text("{}")
    assert main(["report", "--out", "here"]) == 2
    assert "error: no result.json under results; run" in capsys.readouterr().err
    assert not (place / "here").exists()


def test_edited_results_never_end_a_report_in_a_traceback(place, capsys):
    whole = (reports.leave(place / "results", OTHER) / "result.json").read_bytes()
    reports.leave(place / "results", ONE)
    left_out = 0
    for number in range(60):
        edited = damage.edit_json(whole, random.Random(number))
        (place / "results" / OTHER / "result.json").write_bytes(edited)
        assert main(["report", "--out", "here"]) == 0, (number, capsys.readouterr())
        left_out += "is left out" in capsys.readouterr().out
    assert 20 < left_out < 60


@pytest.mark.parametrize("name", WRITTEN)
def test_a_report_replaces_a_report_and_no_file_of_a_person(place, capsys, name):
    reports.leave(place / "results", ONE)
    (place / "here").mkdir()
    (place / "here" / name).write_text("# Results\n\nof my own\n")
    assert main(["report", "--out", "here"]) == 2
    told = f"error: {place.joinpath('here', name).relative_to(place)} exists and is no report of ours; move it, or give"
    assert told in capsys.readouterr().err
    assert contents(place / "here") == {name: b"# Results\n\nof my own\n"}
    (place / "here" / name).unlink()
    assert main(["report", "--out", "here"]) == main(["report", "--out", "here"]) == 0


def test_what_a_person_left_beside_the_pictures_that_are_kept_stays(place):
    own = place / "evidence" / ONE
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    reports.leave(place / "results", ONE)
    assert main(["report"]) == 0
    assert (own / "notes.txt").read_text() == "mine"


def test_evidence_and_rules_that_are_broken_are_named(place, capsys, monkeypatch):
    (place / "evidence" / f"{ONE}.json").write_text("{")
    assert main(["report"]) == 2
    assert f"error: {place / 'evidence' / ONE}.json: this is no run that is kept (" in capsys.readouterr().err
    monkeypatch.setattr(ledger, "PATH", place / "rules.json")
    monkeypatch.setattr(ledger.read, "__defaults__", (place / "rules.json",))
    (place / "rules.json").write_text('{"rules": []}')
    assert main(["rules"]) == 2
    assert f"error: {place / 'rules.json'}: these are no rules (" in capsys.readouterr().err


def test_plots_are_not_drawn_again_of_nothing_without_a_word(place, capsys):
    assert main(["report", "--replot"]) == 2
    assert "error: --replot draws from result.json, and there is none under results" in capsys.readouterr().err
