"""The report: what it counts and says, and its page in a real browser."""

import dataclasses
import html.parser
import io
import re

import book_ids
import numpy as np
import pytest
import reports
from browsing import STICKS_OUT, contrast, watched
from matplotlib.figure import Figure

from experiments import catalogue, findings, plots, units
from experiments.__main__ import main
from experiments.catalogue import EXPERIMENTS
from experiments.intervals import summarize
from experiments.ledger import Ledger, Since
from experiments.report import counts, page, table
from experiments.report.answers import WORDS, Judged, load
from experiments.report.strip import strip
from experiments.runner import Row
from experiments.statistics import Claim, Drawn, Measured, Number, SpreadClaim, Toy

LEDGER = Ledger({"seen": {}, "rules": {}}, {})


def row_of(rule, values, why="", **changes):
    """A row, judged on values."""
    row = Row(id="ch1-x", did="did", reported="said", place="there", metric="m", rule=rule, why=why)
    row = dataclasses.replace(row, **changes)
    since = Since("2026-01-01T00:00:00+00:00", "abc")
    return Judged(row, summarize(values), rule.verdict(np.asarray(values, float)), why, since)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A folder with made-up results of all questions, and their report."""
    folder = tmp_path_factory.mktemp("results")
    reports.leave_all(folder)
    assert main(["report", str(folder), "--out", str(folder)]) == 0
    return folder


# What is counted.


def test_rows_are_judged_by_the_rules_of_today(tmp_path):
    old = EXPERIMENTS["ch1-darkness"]
    reports.leave(tmp_path, old.name, measured={"darkness_correct": summarize(2224.0)})
    judged = {row.row.metric: row for row in load(tmp_path, LEDGER)[old.name].rows}
    assert str(judged["darkness_correct"].verdict) == "not reproduced: 2224, not 2225 exactly"
    assert str(judged["random_test_accuracy"].verdict) == "not compared: this run did not measure it"
    reports.leave(tmp_path, old.name, comparable=False)
    assert {row.word for row in load(tmp_path, LEDGER)[old.name].rows} == {"not compared"}


def test_explanations_are_those_of_today_with_the_figures_of_the_run(tmp_path, monkeypatch):
    old = EXPERIMENTS["ch1-darkness"]
    rows = tuple(dataclasses.replace(row, why="Only {darkness_correct|images}.") for row in old.rows)
    monkeypatch.setitem(EXPERIMENTS, old.name, dataclasses.replace(old, rows=rows))
    right = {"random_test_accuracy": summarize([0.1, 0.1001]), "darkness_correct": summarize(2000.0)}
    reports.leave(tmp_path, old.name, measured=right)
    judged = {row.row.metric: row for row in load(tmp_path, LEDGER)[old.name].rows}
    assert judged["darkness_correct"].why == "Only 2000 images."
    assert judged["random_test_accuracy"].word == "reproduced"
    assert judged["random_test_accuracy"].why == ""


def test_what_is_no_question_any_more_is_left_out_and_said(tmp_path, capsys):
    reports.leave(tmp_path, "ch1-darkness")
    gone = tmp_path / "ch9-gone"
    gone.mkdir()
    (gone / "result.json").write_text('{"experiment": "ch9-gone", "scale": "default"}')
    assert list(load(tmp_path, LEDGER)) == ["ch1-darkness"]
    assert "there is no question 'ch9-gone'" in capsys.readouterr().out


def test_verdicts_are_counted_apart_and_in_one_order():
    near = [0.9, 0.9001, 0.8999]
    rows = [
        row_of(Toy(1), [1.0]),
        row_of(Toy(1), [2.0]),
        row_of(Number(0.9), near),
        row_of(Number(0.9), [0.8, 0.95, 0.93]),
        row_of(Claim("above"), [-1.0, 1.0, 0.5]),
        row_of(Measured(), near),
        row_of(Drawn(), [1.0]),
        row_of(Claim("above"), [1.0]),
    ]
    assert counts.words(rows) == (
        "2 reproduced, 1 compatible, 1 undecided, 1 not reproduced, 1 drawn, 1 measured, 1 open"
    )
    assert counts.words([]) == "no rows"


def test_the_tally_speaks_of_chance_and_of_many_claims(tmp_path):
    # Chapter 3's momentum: two claims; rest toys. One claim holds by a hair, which Bonferroni's level does not grant.
    name = "ch3-momentum"
    claims = [row.metric for row in EXPERIMENTS[name].rows if row.rule.kind == "claim"][:2]
    # Mean -1, standard deviation 0.5, three seeds: t = -3.46, p = 0.074; with s = 0.35, t = -4.95, p = 0.038.
    measured = {claims[0]: summarize([-1.35, -1.0, -0.65]), claims[1]: summarize([-1.001, -1.0, -0.999])}
    reports.leave(tmp_path, name, measured=measured)
    text = " ".join(counts.tally(load(tmp_path, LEDGER), LEDGER))
    assert "Of 2 claims, 2 are decided at 95 %, and 1 of these also at Bonferroni's level" in text
    assert "all questions use the same seeds" in text
    assert "Not run: ch1-record" in text
    reports.leave(tmp_path, "ch1-baseline", measured={"best_epoch_test_accuracy": summarize([0.5, 0.5001, 0.4999])})
    text = " ".join(counts.tally(load(tmp_path, LEDGER), LEDGER))
    assert "Of 1 numbers, 0.1 +- 0.2 are expected outside" in text  # 0.05 and sqrt(0.05 * 0.95)
    assert "and 1 lies outside" in text


def test_entries_without_a_verdict_are_named_up_to_a_number(tmp_path):
    reports.leave(tmp_path, "ch1-darkness", comparable=False)
    text = " ".join(counts.entries(load(tmp_path, LEDGER)))
    in_chapter = {i for e in EXPERIMENTS.values() if e.chapter == "1" for i in e.ids}
    assert f"Entries of chapter 1 with a verdict: 0 of {len(in_chapter)}. Without one: ch1-100hidden, " in text
    assert f" and {len(in_chapter) - counts.MANY} more." in text


def test_the_age_of_the_rules_is_counted():
    late = dataclasses.replace(row_of(Toy(1), [1.0]), since=Since("2026-01-01T00:00:00+00:00", "", "an earlier run"))
    entry = {"rule": "0.25", "since": "2026-02-03T00:00:00+00:00", "before": [{"rule": "0.01", "since": "2026-01-01"}]}
    book = Ledger({"seen": {}, "rules": {"statistics: NARROW": entry}}, {"statistics: NARROW": "c0ffee"})
    first, second = counts.ages([row_of(Toy(1), [1.0]), late], book)
    assert first.startswith("1 of 2 rules are older than all figures of their entries; 1 were written or changed")
    assert "NARROW is 0.25 since 2026-02-03 (c0ffee); it was 0.01." in second


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["reproduced"], "The one result is reproduced."),
        (["reproduced"] * 2, "Both results are reproduced."),
        (["compatible"] * 3, "All 3 results are compatible."),
        (
            ["reproduced", "not reproduced", "reproduced"],
            "Of 3 results: 2 reproduced, 1 not reproduced. What failed is in ch1-x.",
        ),
        (["not compared", "not compared"], "No verdict: this run is not the book's, by its data or its length."),
        ([], "Measured; the book says nothing about it."),
    ],
)
def test_a_question_is_answered_in_one_sentence(tmp_path, words, sentence):
    reports.leave(tmp_path, "ch1-darkness")
    (answer,) = load(tmp_path, LEDGER).values()
    row = row_of(Toy(1), [1.0])
    rows = tuple(dataclasses.replace(row, verdict=row.verdict._replace(word=word)) for word in words)
    assert counts.answer_in_words(dataclasses.replace(answer, rows=rows)) == sentence


def test_the_command_of_a_section_makes_that_section(tmp_path):
    reports.leave(tmp_path, "ch1-darkness", seeds=[0, 1, 2], quick=True, data={"name": "digits"})
    (answer,) = load(tmp_path, LEDGER).values()
    assert counts.command(answer) == "python -m experiments ch1-darkness --data digits --seeds 3 --quick"
    reports.leave(tmp_path, "ch1-darkness", seeds=list(range(10)))
    (answer,) = load(tmp_path, LEDGER).values()
    assert counts.command(answer) == "python -m experiments ch1-darkness"
    assert "90 s" not in counts.machine(answer)  # as people say it
    assert counts.machine(answer).startswith("2 min in this run, 1 s of them compiling, 10 seeds, on 2 x a core (cpu)")


# Findings.


def test_there_are_ten_findings_of_figures_that_are_measured():
    assert len(findings.FINDINGS) == 10
    for finding in findings.FINDINGS:
        experiment = EXPERIMENTS[finding.question]
        judged = {row.metric for row in experiment.rows}
        assert set(finding.supposes) <= judged, finding.text
        named = set(units.metrics_in(finding.text))
        assert named <= set(experiment.metrics), finding.text
        assert named, f"a finding without a figure: {finding.text}"
        words = {word for words in finding.supposes.values() for word in words}
        assert words <= set(WORDS), finding.text


def test_a_finding_is_told_only_while_it_is_true(tmp_path, monkeypatch):
    found = findings.Finding("held", "ch1-darkness", "It is {darkness_correct}.", {"darkness_correct": ("reproduced",)})
    missing = findings.Finding("held", "ch1-darkness", "It is {test_accuracy|%}.")
    monkeypatch.setattr(findings, "FINDINGS", (found, missing))

    def told(right, **changes):
        reports.leave(tmp_path, "ch1-darkness", measured={"darkness_correct": summarize(right)}, **changes)
        return findings.told(load(tmp_path, LEDGER))

    assert told(2225.0) == {"held": [("ch1-darkness", "It is 2225.")]}
    assert told(2224.0) == {}
    assert told(2225.0, comparable=False) == {}
    assert findings.told({}) == {}


# The short form.


def test_the_table_has_one_line_per_row_and_reasons_in_footnotes(made_up):
    text = (made_up / "RESULTS.md").read_text()
    lines = text.splitlines()
    rows = [row for e in EXPERIMENTS.values() for row in e.rows]
    lines, times = lines[: lines.index("## Time")], lines[lines.index("## Time") :]
    held = [line for line in lines if re.match(r"\| (ch\d|scratch|network3|beyond)", line) and line.count(" | ") >= 5]
    assert len(held) == len(rows)
    for row in rows:
        assert f"| {row.id} | {table.cell(row.metric)} | {table.cell(row.reported)} |" in text
    assert all(any(line.startswith(f"| {name} | 6 | 90 | 1 | abc |") for line in times) for name in EXPERIMENTS)
    # Each footnote is referred to once, and each reference has its footnote.
    referred, noted = re.findall(r"\[\^(\d+)\] \|", text), re.findall(r"^\[\^(\d+)\]: .", text, re.M)
    assert referred == noted == [str(n) for n in range(1, len(noted) + 1)]
    chapters = [line for line in lines if line.startswith("## Chapter")]
    assert chapters == [f"## {catalogue.chapter_title(chapter)}" for chapter in book_ids.BY_CHAPTER]
    for name, question in catalogue.QUESTIONS.items():
        assert f"### {question}" in lines
        assert f"`{name}`: " in text


def test_a_row_is_written_in_its_unit_and_tells_of_a_late_rule():
    judged = row_of(Claim("above", unit="points"), [0.01, 0.012, 0.011], ours="on | images")
    assert table.measured_of(judged) == "+1.10 +- 0.10 points (3 seeds)"
    assert table.note(judged).endswith("above +0.00 points. Here: on | images.")
    assert table.cell("a|b\nc") == "a\\|b c"
    late = dataclasses.replace(judged, since=Since("2026-01-02T03:04:05+00:00", "", "an earlier run", "Claim('below')"))
    assert table.note(late).endswith("The rule was changed after an earlier run of this entry; it was Claim('below').")
    new = dataclasses.replace(judged, since=Since("2026-01-02T03:04:05+00:00", "c0ffee", "this run"))
    assert table.note(new).endswith("The rule was written after this run of this entry.")
    assert table.age(new.since) == "2026-01-02 c0ffee"
    assert table.age(Since("", "", "not in rules.json")) == "not in rules.json"
    assert table.note(row_of(Toy(1), [1.0])) == ""  # its line says it all
    assert "Why: so." in table.note(row_of(Toy(1), [2.0], why="so."))


# The page.


def test_each_seed_is_a_dot_with_its_figure():
    drawn = strip(row_of(Number(0.95), [0.94, 0.96, np.nan, 0.95]))
    assert re.findall(r"seed \d: [\d.]+ %", drawn) == ["seed 0: 94.00 %", "seed 1: 96.00 %", "seed 3: 95.00 %"]
    assert "the book: 95.00 %" in drawn
    at = {float(x) for x in re.findall(r'<circle cx="([\d.]+)"', drawn)}
    # Without an interval (a value is missing) the dots span the drawing, less its edges of 12.
    assert at == {12.0, 308.0, 160.0}
    assert "the claim: above" in strip(row_of(Claim("above", 0.5), [0.4, 0.6]))
    assert strip(row_of(Toy(1), [1.0])) == strip(row_of(Toy(1), [1.0, 1.0])) == ""
    two = strip(row_of(SpreadClaim("above"), np.array([[1.0, 2, 3, 4, 9], [1.0, 1.1, 1.2, 1.3, 1.4]])))
    assert two.count("<circle") == 10
    assert len(set(re.findall(r'cy="([\d.]+)"', two))) == 2


class Reader(html.parser.HTMLParser):
    """What is in a page: tags with attributes, and whether each is closed."""

    VOID = frozenset({"meta", "link", "img", "br"})
    OPTIONAL = frozenset({"th", "li", "tr"})

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.wrong = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in self.OPTIONAL:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_well_formed_and_needs_nothing_from_outside(made_up):
    text = (made_up / "results.html").read_text()
    reader = Reader(text)
    assert not reader.wrong
    assert not reader.open
    ids = [attrs["id"] for _, attrs in reader.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in reader.found:
        target = attrs.get("src") or attrs.get("href") or "#"
        assert target.startswith(("#", "data:")), (tag, target[:80])
    assert "@import" not in text
    assert "url(" not in text


def test_captions_say_what_to_see_with_the_figures_of_the_run(tmp_path, monkeypatch):
    old = EXPERIMENTS["ch1-darkness"]
    new = dataclasses.replace(old, captions={"dark": "Of all, {darkness_correct} are <right>."})
    monkeypatch.setitem(EXPERIMENTS, old.name, new)
    folder = reports.leave(tmp_path, old.name, measured={"darkness_correct": summarize(7.0)})
    for name in ("dark", "other"):
        plots.curves(folder / f"{name}.png", {"a": [1, 2]}, title="t", ylabel="y")
    (answer,) = load(tmp_path, LEDGER).values()
    first, second = (page.figure(answer, path) for path in answer.plots)
    assert "<figcaption>Of all, 7 are &lt;right&gt;.</figcaption>" in first
    assert 'alt="Plot dark of ch1-darkness: Of all, 7 are &lt;right&gt;."' in first
    assert "darkness of an image (other).</figcaption>" in second
    reports.leave(tmp_path, old.name, measured={"darkness_correct": summarize(7.0)}, comparable=False)
    (answer,) = load(tmp_path, LEDGER).values()
    assert "Of all" not in page.figure(answer, answer.plots[0])  # on other data it may not be so


def test_every_caption_is_of_a_plot_by_that_name():
    for experiment in EXPERIMENTS.values():
        assert all(re.fullmatch(r"[\w-]+", name) for name in experiment.captions), experiment.name


def test_questions_are_those_of_the_modules():
    assert catalogue.opening("Does it help? A little.\n\nMore.") == "Does it help?"
    assert catalogue.opening("How much, at 0.25, is it? So.") == "How much, at 0.25, is it?"
    assert catalogue.opening("Gradients three ways: whether they agree.") == "Gradients three ways"
    assert catalogue.opening(None) == ""
    assert set(catalogue.QUESTIONS) == set(EXPERIMENTS)
    assert all(catalogue.QUESTIONS.values())


# Plots.


def test_legends_lie_beside_the_axes_and_plots_say_what_is_shaded(monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save", lambda plot, path: drawn.append(plot))
    lines = {f"an arm with a long name {n}": np.ones((10, 5)) * n for n in range(5)}
    plots.curves("unused", lines, title="t", ylabel="y", points={"the book": [(1, 2)]})
    plots.arms("unused", {"a": [1.0, 2.0], "b": [2.0, 3.0]}, title="t", xlabel="x", reported={"a": 1.5})
    plots.powers("unused", {"a": ([1, 2], [3, 4])}, title="t", xlabel="x", ylabel="y")
    for plot in drawn:
        assert isinstance(plot, Figure)
        plot.savefig(io.BytesIO(), dpi=plot.dpi)  # which lays it out
        (legend,) = plot.legends
        box = legend.get_window_extent()
        assert not box.overlaps(plot.axes[0].get_window_extent())
        assert plot.axes[0].get_legend() is None
        assert box.x0 >= 0
        assert box.x1 <= plot.bbox.x1
        assert box.y0 >= 0
    assert drawn[0].axes[0].get_title() == "line: mean; shaded: one standard deviation over 10 seeds"
    plots.curves("unused", {"a": [1, 2, 3]}, title="t", ylabel="y")
    assert drawn[-1].axes[0].get_title() == ""


# The browser.

WIDTHS = (1200, 768, 400)


@pytest.fixture
def opened(browser, made_up):
    """A tab with the page, and what went wrong in it."""
    tab = browser.new_page()
    wrong = watched(tab)
    tab.goto((made_up / "results.html").as_uri())
    yield tab, wrong
    tab.close()
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_its_window(opened, width, scheme):
    tab, _ = opened
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    tab.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(STICKS_OUT, width) == []
    back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[scheme]


def test_pictures_have_texts_and_links_have_targets(opened):
    tab, _ = opened
    pictures = tab.evaluate("[...document.images].map((i) => [i.alt, i.naturalWidth, !!i.closest('figure')])")
    assert len(pictures) == 2
    assert all(len(alt) > 20 and width > 100 and framed for alt, width, framed in pictures)
    drawings = tab.evaluate("[...document.querySelectorAll('svg')].map((s) => s.getAttribute('aria-label'))")
    assert len(drawings) > 50
    assert all(drawings)
    links = tab.evaluate("[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))")
    assert len(links) > len(EXPERIMENTS)
    without = [link for link in links if not tab.evaluate("i => !!document.getElementById(i)", link[1:])]
    assert without == []


SHOWN = "[...document.querySelectorAll('tr[data-word]')].filter((r) => r.offsetParent).map((r) => r.dataset.word)"


def test_the_filter_shows_one_verdict_and_a_link_shows_all_again(opened):
    tab, _ = opened
    every = tab.evaluate(SHOWN)
    assert len(every) == sum(len(e.rows) for e in EXPERIMENTS.values())
    word = "not reproduced"
    tab.click(f"button[data-word='{word}']")
    assert set(tab.evaluate(SHOWN)) == {word}
    assert len(tab.evaluate(SHOWN)) == every.count(word)
    assert f"{word} {every.count(word)}" in tab.inner_text(f"button[data-word='{word}']")
    assert tab.get_attribute(f"button[data-word='{word}']", "aria-pressed") == "true"
    assert tab.get_attribute("button[data-word='']", "aria-pressed") == "false"
    hidden = "[...document.querySelectorAll('section.question h3')].filter((h) => !h.offsetParent).map((h) => h.id)"
    names = tab.evaluate(hidden)
    assert names
    # A link of the contents to a hidden question brings it back.
    tab.click(f"nav a[href='#{names[0]}']")
    tab.wait_for_function("name => document.getElementById(name).offsetParent", arg=names[0])
    assert tab.evaluate(SHOWN) == every


def test_dark_and_light_can_be_switched(opened):
    tab, _ = opened
    back = "getComputedStyle(document.body).backgroundColor"
    tab.emulate_media(color_scheme="light")
    assert tab.evaluate(back) == "rgb(255, 255, 255)"
    tab.click("#theme")
    assert tab.evaluate(back) == "rgb(22, 24, 28)"
    tab.click("#theme")
    assert tab.evaluate(back) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_every_verdict_can_be_read(opened, scheme, width):
    tab, _ = opened
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    back = tab.evaluate(
        f"getComputedStyle(document.querySelector('{'body' if width > 700 else 'tr[data-word]'}')).backgroundColor"
    )
    for word in WORDS:
        colour = tab.evaluate(
            """name => { const p = document.createElement('p'); p.className = 'verdict ' + name;
            document.body.append(p); const c = getComputedStyle(p).color; p.remove(); return c; }""",
            page.class_of(word),
        )
        assert contrast(colour, back) >= 4.5, word
