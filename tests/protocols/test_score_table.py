"""`placepref score --table`: what is read, what is told, and what is refused."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from protocols.times import phase_of
from tests.protocols.conftest import Cli
from tests.small import ARENA, tree, write_clip

HEAD = "subject,phase,time_paired_s,time_unpaired_s,group,time_neutral_s,test_s"
WORKED = [HEAD, "M01,pretest,480,520,drug,200,1200", "M01,posttest,700,340,drug,160,1200"]


def scored(cli: Cli, text: str | bytes) -> dict[str, Any]:
    Path("t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    said = cli("score", "--table", "t.csv", "--json")
    assert (said.code, said.err) == (0, "")
    told: dict[str, Any] = json.loads(said.out)
    return told


def test_the_contract(cli: Cli, here: Path) -> None:
    told = scored(cli, "\n".join(WORKED))
    (animal,) = told["animals"]
    assert animal | {"lost_time_range": {}} == {
        "subject": "M01",
        "group": "drug",
        "cpp_score_s": 220.0,
        "paired_minus_unpaired_s": 360.0,
        "delta_difference_s": 400.0,
        "preference_index": 0.346153846,
        "preference_ratio": 0.673076923,
        "preference_ratio_change": 0.193076923,
        "percent_of_session": 58.333333333,
        "split_neutral_s": 780.0,
        "normalised": 1.458333333,
        "log_ratio": 0.72062541,
        "log_ratio_change": 0.800508181,
        "rate_paired_s_per_min": 35.0,
        "ancova_residual": None,
        "flags": [],
        "phases": {},
        "lost_time_range": {},
    }
    (group,) = told["groups"]
    assert (group["group"], group["n"]) == ("drug", 1)
    assert group["scores"]["cpp_score_s"]["mean"] == 220
    assert all(one["p"] is None and "not tested" in one["sentence"] for one in told["tests"])
    assert told["notes"] == []


SAME = {
    "semicolons and decimal commas": "subject;phase;time_paired_s;time_unpaired_s\n"
    "M01;pretest;480,5;520\nM01;posttest;700,5;340\n",
    "a byte order mark and a spreadsheet's note": "\ufeffsep=;\nsubject;phase;time_paired_s;"
    "time_unpaired_s\nM01;pretest;480.5;520\nM01;posttest;700.5;340\n",
    "case, blanks, brackets": "Subject, Phase ,Time Paired (s),TIME_UNPAIRED_S,Notes\n"
    " M01 ,Pre-Test,480.5,520,a\n\nM01,post test 1,700.5,340,b\n,,,,\n",
    "tabs": "subject\tphase\ttime_paired_s\ttime_unpaired_s\n"
    "M01\tPRETEST\t480.5\t520\nM01\tPost_Test\t700.5\t340\n",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME.keys())
def test_tables_as_they_come(cli: Cli, here: Path, text: str) -> None:
    told = scored(cli, text)
    (animal,) = told["animals"]
    assert (animal["subject"], animal["cpp_score_s"]) == ("M01", 220)
    assert animal["preference_ratio"] == pytest.approx(700.5 / 1040.5)
    assert (animal["group"], animal["percent_of_session"]) == (None, None)
    assert ("read with decimal commas" in told["notes"]) == ("480,5" in text)


def test_phases_that_are_left_out_are_said_and_numbers_may_lack(cli: Cli, here: Path) -> None:
    rows = [*WORKED, "M01,conditioning-1a,n/a,900,drug,,", "M01,extinction-1,600,440,drug,160,1200",
            "M01,Extinction 02,500,540,drug,160,1200", "M01,reinstatement,650,390,drug,160,1200",
            "M01,pretest2,1,1,drug,1,1200"]  # fmt: skip
    told = scored(cli, "\n".join(rows))
    (animal,) = told["animals"]
    assert list(animal["phases"]) == ["extinction1", "extinction2", "reinstatement1"]
    assert animal["phases"]["extinction1"]["proportion_of_initial"] == round(120 / 220, 9)
    (note,) = told["notes"]
    assert "conditioning-1a (1), pretest2 (1)" in note


SPELLED = {
    "pretest": ("pretest", "Pre-test", "PRE TEST", "pre_test", "pretest1", "Pre-Test 1",
                "pretest-01"),
    "posttest": ("posttest", "post test", "Post-Test", "POSTTEST", "post-test-1", "PostTest"),
    "extinction1": ("extinction", "Extinction", "extinction1", "extinction-1", "Extinction 01"),
    "extinction3": ("extinction3", "Extinction 3", "EXTINCTION-3", "extinction_03",
                    "extinction (3)"),
    "extinction12": ("extinction12", "Extinction 12", "extinction-12"),
    "reinstatement1": ("reinstatement", "Reinstatement-1", "reinstatement 1", "REINSTATEMENT1"),
    "reinstatement2": ("reinstatement2", "Reinstatement 2", "reinstatement-02"),
    None: ("conditioning1a", "day 1", "test", "pre", "pretest2", "Post-test 2", "extinction 1.5",
           "extinction 1-2", "extinction0", "extinction day 1", "pretest 0", "1", "habituation"),
}  # fmt: skip


@pytest.mark.parametrize(("phase", "texts"), SPELLED.items())
def test_phases_in_every_spelling(phase: str | None, texts: tuple[str, ...]) -> None:
    assert {text: phase_of(text) for text in texts} == dict.fromkeys(texts, phase)


PUBLISHED = {
    "totals alone": (
        "Mouse ID,Group,Phase,time paired (s),time unpaired (s)\n"
        "1,Saline + vehicle,Pre-test,480,520\n1,Saline + vehicle,Post-test,700,340\n"
        "2,Cocaine 15 mg/kg,Pre-test,510.4,489.6\n2,Cocaine 15 mg/kg,Post-test,650,350\n"
    ),
    "saved by pandas": (
        ",subject,group,phase,time_paired_s,time_unpaired_s,time_neutral_s,test_s\n"
        "0,1,Saline + vehicle,pretest,480.0,520.0,NaN,NaN\n"
        "1,1,Saline + vehicle,posttest,700.0,340.0,NaN,NaN\n"
        "2,2,Cocaine 15 mg/kg,pretest,510.4,489.6,NaN,NaN\n"
        "3,2,Cocaine 15 mg/kg,posttest,650.0,350.0,NaN,NaN\n"
    ),
    "a German spreadsheet": (
        "\ufeffsubject;group;phase;time_paired_s;time_unpaired_s;time_neutral_s;test_s;;\r\n"
        "1;Saline + vehicle;Pre-test;480;520;;;;\r\n1;Saline  + vehicle;Post-test;700;340;;;;\r\n"
        "2;Cocaine 15 mg/kg;Pre-test;510,4;489,6;\N{EN DASH};;;\r\n"
        "2;Cocaine 15 mg/kg;Post-test;650;350;#DIV/0!;;;\r\n;;;;;;;;\r\n"
    ).replace("Saline  +", "Saline +"),
    "statistics programs": (
        "subject\tgroup\tphase\ttime_paired_s\ttime_unpaired_s\ttime_neutral_s\n"
        "1\tSaline + vehicle\tPRETEST\t4.80E+02\t520\t.\n"
        "1\tSaline + vehicle\tPOSTTEST\t700\t340\t.\n"
        "2\tCocaine 15 mg/kg\tPRETEST\t510.4\t489.6\t.\n"
        "2\tCocaine 15 mg/kg\tPOSTTEST\t650\t350\t.\n"
    ),
}


@pytest.mark.parametrize("text", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_tables_as_they_are_published(cli: Cli, here: Path, text: str) -> None:
    Path("t.csv").write_bytes(text.encode())
    columns = ("--column", "subject=Mouse ID") if "Mouse" in text else ()
    said = cli("score", "--table", "t.csv", "--json", *columns)
    assert (said.code, said.err) == (0, "")
    one, other = json.loads(said.out)["animals"]
    assert (one["subject"], one["group"]) == ("1", "Saline + vehicle")
    assert (other["group"], other["flags"]) == ("Cocaine 15 mg/kg", [])
    names = ("cpp_score_s", "delta_difference_s", "preference_ratio", "preference_index")
    shown = [round(other[name], 4) for name in names]
    assert shown == [139.6, 279.2, 0.65, 0.3]
    assert round(one["preference_ratio_change"], 4) == 0.1931
    assert other["percent_of_session"] is None
    assert other["split_neutral_s"] is None


def test_an_animal_that_was_hardly_tracked_is_flagged_and_not_scaled(cli: Cli, here: Path) -> None:
    rows = [HEAD, "M01,pretest,480,520,drug,,1200", "M01,posttest,350,240,drug,,1200",
            "M02,pretest,480,520,drug,,1200", "M02,posttest,350,250,drug,,1200",
            "M03,pretest,5,3,drug,2,1200", "M03,posttest,700,340,drug,160,1200",
            "M04,pretest,480,520,drug,200,1200", "M04,posttest,700,340,drug,160,1200",
            "M04,extinction1,100,90,drug,30,1200"]  # fmt: skip
    told = scored(cli, "\n".join(rows))
    flags = {one["subject"]: one["flags"] for one in told["animals"]}
    assert flags == {"M01": ["short"], "M02": [], "M03": ["short"], "M04": ["short"]}
    assert told["animals"][0]["cpp_score_s"] == -130
    assert told["animals"][2]["cpp_score_s"] == 695
    assert told["animals"][3]["phases"]["extinction1"]["flags"] == ["short"]
    assert sum("flagged short" in note for note in told["notes"]) == 3


def test_columns_of_other_names(cli: Cli, here: Path) -> None:
    rows = ["Animal,Day,In drug side,In saline side", "007,pretest,480,520", "007,posttest,700,340"]
    (here / "t.csv").write_text("\n".join(rows))
    names = ("subject=Animal", "phase=day", "time_paired_s=In drug side",
             "time_unpaired_s=In saline side")  # fmt: skip
    options = [word for name in names for word in ("--column", name)]
    told = json.loads(cli("score", "--table", "t.csv", *options, "--json").out)
    assert (told["animals"][0]["subject"], told["animals"][0]["cpp_score_s"]) == ("007", 220)


def test_a_rescored_summary(cli: Cli, here: Path) -> None:
    head = "id,subject,phase,attempt,start_s,end_s,test_s,time_left_s,time_lost_s,flags,version"
    head += ",time_paired_s,time_unpaired_s,time_neutral_s"
    rows = [
        "a,M01,pretest,,0,600.1,600.04,200,10.04,,1,200.5,299.5,90.0",
        "b,M01,posttest,,0,600.1,599.96,200,400,lost+length,1,100.0,60.0,39.96",
    ]
    told = scored(cli, "\n".join([head, *rows]))
    (animal,) = told["animals"]
    assert animal["cpp_score_s"] == -100.5
    assert animal["flags"] == ["short", "posttest:lost", "posttest:length"]
    assert animal["lost_time_range"]["cpp_score_s"] == [-110.54, 299.5]
    assert told["notes"] == [
        "M01 posttest: 200 of 600 s accounted for (33%): flagged short, and scored as it is"
    ]


def test_blanks_are_null_and_said(cli: Cli, here: Path) -> None:
    told = scored(cli, "\n".join([*WORKED, "M02,pretest,,500,drug,200,1200",
                                  "M02,posttest,700,340,drug,n/a,1200"]))  # fmt: skip
    blank = told["animals"][1]
    assert (blank["cpp_score_s"], blank["split_neutral_s"]) == (None, None)
    assert blank["preference_ratio"] == pytest.approx(700 / 1040)
    assert blank["flags"] == ["blank"]
    assert told["groups"][0]["scores"]["cpp_score_s"]["n"] == 1
    assert any(note.startswith("M02 pretest: a time is blank") for note in told["notes"])


def test_a_biased_assignment_is_warned_of(cli: Cli, here: Path) -> None:
    rows = [HEAD]
    for k in range(6):
        rows += [f"M{k},pretest,{400 + k},520,,200,1200", f"M{k},posttest,{500 + 3 * k},500,,,1200"]
    told = scored(cli, "\n".join(rows))
    assert any("regression to the mean" in note for note in told["notes"])
    assert told["animals"][0]["group"] is None
    rows[1] = "M0,pretest,530,520,,100,1200"
    assert scored(cli, "\n".join(rows))["notes"] == []


def test_a_table_to_read_at_80_columns(cli: Cli, here: Path) -> None:
    rows = [HEAD]
    for k in range(10):
        group, more = ("cocaine-20-mg-kg", 150) if k < 5 else ("saline", 0)
        for phase, paired in (("pretest", 400 + 13 * k % 70),
                              ("posttest", 420 + more + 29 * k % 90),
                              ("extinction1", 410 + more // 3 + 7 * k % 40)):  # fmt: skip
            rows.append(f"M{k:02d},{phase},{paired},{900 - paired},{group},300,1200")
    (here / "t.csv").write_text("\n".join(rows))
    said = cli("score", "--table", "t.csv")
    assert (said.code, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80
    for word in ("cpp_score_s", "log_ratio_change", "extinction1", "welch_t", "mixed_model",
                 "the next study"):  # fmt: skip
        assert word in said.out


ONE = "M01,pretest,480,520,drug,200,1200"
TWO = "M01,posttest,700,340,drug,160,1200"
REFUSED = {
    "no post-test": ([ONE], "line 2: column phase: M01 has no posttest, only pretest"),
    "no phase at all": (["M01,day 1,480,520,drug,200,1200"],
                        "line 2: column phase: 'day 1': no row is of pretest"),
    "blank phase": ([ONE, TWO, "M01,,480,520,drug,200,1200"], "line 4: column phase: is blank"),
    "blank subject": ([ONE, TWO, ",pretest,480,520,drug,200,1200"],
                      "line 4: column subject: is blank"),
    "empty group": ([ONE, TWO, "M02,pretest,480,520,,200,1200", "M02,posttest,480,520,,200,1200"],
                    "line 4: column group: is blank, so M02's group is empty"),
    "another group": ([ONE, "M01,posttest,700,340,saline,160,1200"],
                      "line 3: column group: 'saline': M01 is in 'drug' before"),
    "one group in two ways": ([ONE, TWO, "M02,pretest,480,520,Drug,200,1200",
                               "M02,posttest,480,520,Drug,200,1200"],
                              "line 4: column group: 'Drug': is this the group 'drug'?"),
    "all zero": ([ONE, "M01,posttest,0,0,drug,0,1200"],
                 "line 3: column time_paired_s: 0: all times of this row are zero"),
    "twice": ([ONE, TWO, "M01,Pre-Test,480,520,drug,200,1200"],
              "line 4: column phase: M01 is in pretest a second time; the first is in line 2"),
    "negative": (["M01,pretest,480,-5,drug,200,1200", TWO],
                 "line 2: column time_unpaired_s: -5: a time cannot be below 0"),
    "longer": (["M01,pretest,1480,20,drug,0,1200", TWO],
               "line 2: column time_paired_s: 1480: longer than the test of 1200 s"),
    "longer together": (["M01,pretest,700,600,drug,0,1200", TWO],
                        "line 2: column test_s: 1200: the times of this row add up to 1300 s"),
    "milliseconds": (["M01,pretest,480000,520000,drug,200000,1200", TWO],
                     "line 2: column time_unpaired_s: 520000: looks like milliseconds"),
    "all milliseconds": (["M01,pretest,480000,520000,drug,200000,1200000", TWO],
                         "line 2: column test_s: 1.2e+06: looks like milliseconds"),
    "fractions": ([ONE, "M01,posttest,0.58,0.28,drug,0.14,1200"],
                  "line 3: column time_paired_s: 0.58: looks like a fraction in a test of 1200 s"),
    "percent": (["M01,pretest,40,43.3,drug,16.7,1200", "M01,posttest,58,29,drug,13,1200"],
                "line 2: column time_paired_s: 40: looks like percent"),
    "minutes": (["M01,pretest,480,520,drug,200,20", TWO],
                "line 2: column test_s: 20: looks like minutes"),
    "animals that are numbered anew": ([ONE, TWO, "M01,pretest,480,520,saline,200,1200"],
        "the first is in line 2, in another group: each animal needs an id of its own"),
    "an id in two ways": (["m01,pretest,480,520,drug,200,1200", TWO],
                          "m01 has no posttest, only pretest; is M01 the same animal?"),
    "post-tests called otherwise": ([ONE, "M01,Test,700,340,drug,160,1200"],
                                    "only pretest; left out, as not one of pretest, posttest,"),
    "a group in two ways": ([ONE, TWO, "M02,pretest,480,520,drug  a,200,1200",
                             "M02,posttest,480,520,drug  a,200,1200",
                             "M03,pretest,480,520,drug a,200,1200",
                             "M03,posttest,480,520,drug a,200,1200"],
                            "line 6: column group: 'drug a': is this the group 'drug  a'?"),
    "all minutes": (["M01,pretest,8,8.7,drug,3.3,1200", "M01,posttest,11.7,5.7,drug,2.6,1200"],
                    "line 2: column time_paired_s: 8: looks like minutes in a test of 1200 s"),
    "percent without a neutral chamber": (
        [f"M{k},{phase},4{k},3{k},drug,,1200" for k in range(3) for phase in
         ("pretest", "posttest")],
        "line 2: column time_paired_s: 40: looks like percent in a test of 1200 s"),
    "milliseconds and no length": (["M01,pretest,14000,10000,drug,,", TWO],
                                   "line 2: column time_paired_s: 14000: looks like milliseconds"),
    "a fraction of the test": ([ONE, "M01,posttest,0.66,0.34,drug,,"],
                               "line 3: column time_paired_s: 0.66: looks like a fraction"),
    "not a number at all": (["M01,pretest,inf,520,drug,200,1200", TWO],
                            "line 2: column time_paired_s: 'inf': not a number"),
    "a unit in the cell": (["M01,pretest,480 s,520,drug,200,1200", TWO],
                           "line 2: column time_paired_s: '480 s': not a number"),
    "minutes and seconds": (["M01,pretest,8:00,520,drug,200,1200", TWO],
                            "line 2: column time_paired_s: '8:00': not a number"),
    "no length": ([ONE, "M01,posttest,700,340,drug,160,0"],
                  "line 3: column test_s: 0: more than 0 is wanted"),
    "decimal commas": ([ONE, 'M01,posttest,"700,5",340,drug,160,1200'],
                       "line 3: column time_paired_s: '700,5': a comma inside a number"),
    "bare decimal commas": ([ONE, "M01,posttest,700,5,340,5,drug,160,1200"],
                            "line 3: 9 cells in a table of 7 columns; are there decimal commas?"),
    "a word": ([ONE, "M01,posttest,long,340,drug,160,1200"],
               "line 3: column time_paired_s: 'long': not a number"),
    "no paired times": (["M01,pretest,,,drug,200,1200", "M01,posttest,,,drug,200,1200"],
                        "time_paired_s: holds no number"),
    "no rows": ([], "holds a line of column names and no row"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_tables(cli: Cli, here: Path, rows: list[str], line: str) -> None:
    (here / "t.csv").write_text("\n".join([HEAD, *rows]))
    refused(cli, here, line)


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (("1,050", "150", "0"), "column time_paired_s: '1,050' may be 1050 or 1.050"),
        (("1.050", "150,5", "0"), "column time_paired_s: '1.050': other numbers have a ,"),
    ],
)
def test_thousands_are_not_guessed(cli: Cli, here: Path, cells: tuple[str, ...], line: str) -> None:
    rows = [HEAD.replace(",", ";"), f"M01;pretest;{cells[0]};{cells[1]};drug;{cells[2]};1200",
            f"M01;posttest;900;{cells[1]};drug;{cells[2]};1200"]  # fmt: skip
    (here / "t.csv").write_text("\n".join(rows))
    refused(cli, here, f"line 2: {line}")


def test_words_on_the_command_line(cli: Cli, here: Path) -> None:
    (here / "t.csv").write_text("\n".join(WORKED))
    refused(cli, here, "--primary: 'cpp': one of cpp_score_s", "--primary", "cpp")
    refused(cli, here, "Animal: this column is missing", "--column", "subject=Animal")
    refused(cli, here, "--column: 'subject': write OURS=THEIRS", "--column", "subject")
    (here / "t.csv").write_text("subject,phase,paired\nM01,pretest,3\n")
    refused(cli, here, "time_paired_s: this column is missing; there are subject, phase, paired;"
            " under another name it is read by --column time_paired_s=NAME")  # fmt: skip
    (here / "t.csv").write_text("subject,pre_paired,post_paired\nM01,3,4\n")
    refused(cli, here, "phase: this column is missing; there are subject, pre_paired, post_paired;"
            " a row an animal and phase is read")  # fmt: skip
    said = cli("score")
    assert said.code == 2
    assert said.err.startswith("placepref: --table: say which study (its folder), or which table")


def refused(cli: Cli, here: Path, line: str, *words: str) -> None:
    before = tree(here)
    said = cli("score", "--table", "t.csv", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("placepref: ")
    assert said.err.count("\n") == 1
    assert line in said.err
    assert tree(here) == before


def test_a_rescored_batch_is_scored_as_it_is(cli: Cli, here: Path) -> None:
    (here / "arena.toml").write_text(ARENA)
    rows = ["files,subject,phase,paired"]
    for phase, frames in (("pretest", 60), ("posttest", 100)):
        write_clip(here, frames, f"{phase}.mkv")
        rows.append(f"{phase}.mkv,007,{phase},right")
    (here / "rows.csv").write_text("\n".join(rows))
    assert cli("rescore", "rows.csv", "--apparatus", "arena.toml", "--out", "out").code == 0
    with (here / "out" / "summary.csv").open(newline="") as file:
        pre, post = csv.DictReader(file)
    said = cli("score", "--table", "out/summary.csv", "--json")
    assert (said.code, said.err) == (0, "")
    (animal,) = json.loads(said.out)["animals"]
    expected = float(post["time_right_s"]) - float(pre["time_right_s"])
    assert animal["cpp_score_s"] == pytest.approx(expected)
    assert (animal["subject"], animal["flags"]) == ("007", ["length_differs"])
