"""Files of cases: one set in every form is the same cases, and what cannot be read is refused by its line."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import wavfile

import tradewinds.data.cases.recordings as recordings
from tradewinds.core.errors import RequestError
from tradewinds.data.cases.read import passed_over, read_cases
from tradewinds.data.cases.tables import CaseColumns

from cases import moods, tones, write_table, write_ts

COLUMNS = CaseColumns(case="case", label="label", text="text")
HEADER = "@problemName p\n@timeStamps false\n@classLabel true a b\n@data\n"


def read(path, **columns):
    return read_cases(str(path), "env.path", CaseColumns(**{**vars(COLUMNS), **columns}))[0]


def test_a_ts_file_and_tables_of_the_same_cases_hold_the_same(tmp_path):
    cases = tones(8)
    write_ts(tmp_path / "tones.ts", cases)
    write_table(tmp_path / "tones.csv", cases)
    pd.read_csv(tmp_path / "tones.csv").to_parquet(tmp_path / "tones.parquet")
    from_ts = read(tmp_path / "tones.ts")
    for name in ("tones.csv", "tones.parquet"):
        table = read(tmp_path / name, order="step")
        assert set(table.names) == set(cases.names)
        for case, values, label in zip(cases.names, from_ts.values, from_ts.labels, strict=True):
            place = table.names.index(case)
            np.testing.assert_array_equal(table.values[place], values)
            assert table.labels[place] == label
        assert table.channels == cases.channels


def test_texts_are_read_with_their_groups_and_times(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text(
        'text,label,who,seen\n"Fine, today",1,ann,2024-01-01T09:00:00+01:00\nNA is no day,2,bob,2024-01-02T09:00:00Z\n'
    )
    cases = read(path, group="who", time="seen")
    assert cases.values == ("Fine, today", "NA is no day")
    assert (cases.labels, cases.groups, cases.channels) == (("1", "2"), ("ann", "bob"), ())
    assert str(cases.times[0]) == "2024-01-01 08:00:00+00:00"


@pytest.mark.parametrize("sign", ",;\t|")
def test_cells_may_be_parted_by_any_sign_that_parts_the_columns_that_there_must_be(sign, tmp_path):
    (tmp_path / "p.csv").write_text(sign.join(["text", "label"]) + f'\n"Fine{sign} today"{sign}up\nbad{sign}down\n')
    cases = read(tmp_path / "p.csv")
    assert (cases.values, cases.labels) == ((f"Fine{sign} today", "bad"), ("up", "down"))


def test_missing_numbers_are_kept_as_missing(tmp_path):
    (tmp_path / "p.ts").write_text(HEADER + "1,?,3:a\n4,5:b\n")
    first, second = read(tmp_path / "p.ts").values
    np.testing.assert_array_equal(first[:, 0], [1.0, np.nan, 3.0])
    assert len(second) == 2


def test_a_folder_of_recordings_has_a_class_a_folder(tmp_path):
    pytest.importorskip("librosa")
    rate = 8_000
    for label, pitch in (("low", 200.0), ("high", 900.0)):
        (tmp_path / label).mkdir()
        sound = np.sin(2.0 * np.pi * pitch * np.arange(rate // 4) / rate)
        wavfile.write(tmp_path / label / "a.wav", rate, (sound * 30_000).astype(np.int16))
    cases = read(tmp_path)
    assert (cases.names, cases.labels) == (("high/a.wav", "low/a.wav"), ("high", "low"))
    assert cases.values[0].shape == (26, 13)


def test_of_new_cases_class_group_and_time_are_not_read(tmp_path):
    (tmp_path / "all.csv").write_text("case,label,x,who,seen\na,,1,,yesterday\na,up,2,bob,\n")
    (tmp_path / "few.csv").write_text("case,x\na,1\na,2\n")
    for name in ("all.csv", "few.csv"):
        cases = read(tmp_path / name, group="who", time="seen", new=True)
        assert (cases.labels, cases.groups, cases.times, cases.channels) == (None, None, None, ("x",))
        np.testing.assert_array_equal(cases.values[0], [[1.0], [2.0]])
    (tmp_path / "asked.ts").write_text(HEADER + "1,2:?\n1,2:\n")
    assert read(tmp_path / "asked.ts", new=True).labels is None


def test_a_header_is_read_with_tabs_and_a_byte_order_mark(tmp_path):
    (tmp_path / "p.ts").write_bytes("\ufeff@classLabel\tfalse\r\n@data\r\n1,2:3,4\r\n\r\n".encode())
    cases = read(tmp_path / "p.ts")
    assert (cases.labels, len(cases.channels)) == (None, 2)


def test_words_that_other_tools_write_for_nothing_are_words(tmp_path):
    (tmp_path / "p.csv").write_text("case,text,label,who\nNA,None,up,null\nb,nan,down,n/a\n")
    cases = read(tmp_path / "p.csv", group="who")
    assert (cases.names, cases.values, cases.groups) == (("NA", "b"), ("None", "nan"), ("null", "n/a"))


def test_an_index_that_is_named_is_a_column_and_another_is_none(tmp_path):
    table = pd.DataFrame({"case": list("aab"), "step": [1, 0, 0], "label": list("uuv"), "x": [1.0, 2.0, 3.0]})
    for index in (["case"], ["case", "step"], ["label"]):
        table.set_index(index).to_parquet(tmp_path / "p.parquet")
        cases = read(tmp_path / "p.parquet", order="step")
        assert (cases.names, cases.labels, cases.channels) == (("a", "b"), ("u", "v"), ("x",))
        np.testing.assert_array_equal(cases.values[0], [[2.0], [1.0]])
    table.rename_axis("number").to_parquet(tmp_path / "p.parquet")
    assert read(tmp_path / "p.parquet", order="step").channels == ("x",)


@pytest.mark.parametrize("steps", [["10", "9", "8"], ["2024-01-10", "2024-01-09T12", "2024-01-09"], [10.0, 9.0, 8.0]])
def test_steps_are_put_in_order_by_number_or_by_time(steps, tmp_path):
    table = pd.DataFrame({"case": ["a"] * 3, "step": steps, "label": ["u"] * 3, "x": [3.0, 2.0, 1.0]})
    table.to_parquet(tmp_path / "p.parquet")
    np.testing.assert_array_equal(read(tmp_path / "p.parquet", order="step").values[0][:, 0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("10/1/2024 9/1/2024", r"times such as 2024-03-21T09:30, in column 'step', .* has '10/1/2024'"),
        ("1 1", "must have a step of a case once, has twice a at 1"),
        ("1 NA", r"must have a value in column 'step' of every row, has none in row 3 \(a\)"),
    ],
)
def test_steps_without_an_order_are_refused(steps, message, tmp_path):
    first, second = steps.split()
    (tmp_path / "p.csv").write_text(f"case,step,label,x\na,{first},u,1\na,{second},u,2\n")
    with pytest.raises(RequestError, match=message):
        read(tmp_path / "p.csv", order="step")


class Loudness:
    """Stands for librosa, which takes seconds to load: of every sound its mean and its deviation."""

    class feature:
        @staticmethod
        def mfcc(y, **sizes):
            return np.array([[y.mean()], [y.std()], *[[0.0]] * 11])


def test_recordings_of_eight_bits_are_silent_about_128_and_of_one_rate(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "_librosa", lambda: Loudness)
    sound = np.sin(np.arange(4_000) / 5.0)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
    wavfile.write(tmp_path / "a" / "x.WAV", 8_000, np.round(127.0 * sound + 128.0).astype(np.uint8))
    wavfile.write(tmp_path / "b" / "x.wav", 8_000, np.round(32_767.0 * sound).astype(np.int16))
    cases, digest = read_cases(str(tmp_path), "env.path", COLUMNS)
    assert cases.labels == ("a", "b")
    np.testing.assert_allclose(*cases.values, atol=1e-3)
    (tmp_path / "a" / "x.WAV").rename(tmp_path / "b" / "x.WAV")
    assert read_cases(str(tmp_path), "env.path", COLUMNS)[1] != digest
    wavfile.write(tmp_path / "b" / "x.wav", 16_000, np.zeros(4_000, np.int16))
    with pytest.raises(RequestError, match=r"of one rate, .* those of 8000 Hz, 16000 Hz"):
        read(tmp_path)
    whole = (tmp_path / "b" / "x.wav").read_bytes()
    (tmp_path / "b" / "x.wav").write_bytes(whole[:-100])
    with pytest.raises(RequestError, match=r"x.wav is cut off: it ends before all that its header announces; copy it"):
        read(tmp_path)
    (tmp_path / "b" / "x.wav").write_bytes(whole[:30])
    with pytest.raises(RequestError, match=r"x.wav cannot be read as a WAV file: it is damaged, .* 16 bits \(PCM\)$"):
        read(tmp_path)
    (tmp_path / "a" / "song.mp3").touch()
    (tmp_path / "a" / ".hidden").touch()
    assert passed_over(str(tmp_path)) == [f"{tmp_path}: a/song.mp3 is no WAV file, and is not read"]


REFUSALS = {
    "none.ts": (None, "must be a file or folder that is there"),
    "a.xls": ("x", "must lie in a .ts, .csv, .tsv or .parquet file"),
    "no_data.ts": ("@problemName p\n", "with a line @data before its cases"),
    "times.ts": ("@timeStamps true\n@data\n(0,1):a\n", "writes a time beside every number"),
    "word.ts": (HEADER + "1,2:a\n1,x:b\n", "line 6: 'x' is no number; a case is numbers parted by commas, ':' and its"),
    "comma.ts": (HEADER + "1,2:a\n1,2,:b\n", "line 6: '' is no number"),
    "uneven.ts": (HEADER + "1,2:1,2,3:a\n", "line 5: the channels of a case must be equally long, were of 2, 3"),
    "wide.ts": (f"@dimensions 3\n{HEADER}1,2:1,2:a\n", "the 3 channels that @dimensions declares"),
    "single.ts": (f"@univariate true\n{HEADER}1,2:1,2:a\n", "have the 1 channel that @univariate true"),
    "equal.ts": (f"@equalLength true\n{HEADER}1,2:a\n1,2,3:b\n", "line 7: a case must have the 2 steps that"),
    "long.ts": (f"@equalLength true\n@seriesLength 10\n{HEADER}1,2:a\n", "have the 10 steps that"),
    "channels.ts": (HEADER + "1,2:a\n1,2:1,2:b\n", "the 1 channel of the first: channels:2 with 2"),
    "empty.ts": (HEADER, "there must be a case, was none"),
    "bare.ts": (HEADER + "1,2:a\n1,2\n", "line 6: a case must end with ':' and its class, has none"),
    "blank.ts": (HEADER + "1,2:a\n1,2:\n", "line 6: a case must end with ':' and its class"),
    "asked.ts": (HEADER + "1,2:a\n1,2:?\n", "line 6: a case must end with ':' and its class"),
    "strange.ts": (HEADER + "1,2:a\n1,2:B\n", "line 6: a class must be among those that @classLabel declares (a, b)"),
    "large.ts": (HEADER + "1,2:a\n1,-1e31:b\n", "large.ts, line 6: -1e+31 must lie between -1e+30 and 1e+30"),
    "endless.ts": (HEADER + "1,inf:a\n1,2:b\n", "endless.ts, line 5: inf must lie between"),
    "large.csv": ("case,step,label,x,y\na,2,u,1,2\nb,1,v,1,1e308\n", "large.csv, row 3: y 1e+308 must lie between"),
    "spaces.csv": ('case,label,x\na," ",1\n', "a class must have a name, had none: a"),
    "gaps.ts": (HEADER + "?,?:a\n1,2:b\n", "must hold something, was empty: gaps:1"),
    "case.csv": ("caze,label,x\na,1,2\n", "must have a column 'case' (series) or 'text' (texts), has caze,"),
    "word.csv": ("case,label,x\na,1,up\n", "env.time name, holds words in x"),
    "label.csv": ("case,label,x\na,1,2\na,2,3\n", "must give a case one label, gives several to a"),
    "hole.csv": ("case,label,x\na,,2\n", "must have a value in column 'label' of every row, has none in row 2 (a)"),
    "nobody.csv": ("case,label,x\na,u,2\n,v,1\n", "must have a value in column 'case' of every row, has none in row 3"),
    "numbered.csv": (",case,label,x\n0,a,u,1\n1,b,v,2\n", "must have a name above every column, has none above 1"),
    "commas.csv": ("text,label\nfine, today,1\nbad, today,2\n", "a text that holds the separator stands in quotation"),
    "marks.csv": ("text,label\nx,NA\n", "has none in row 2; NA, None and null count as none there"),
    "unnamed.csv": ("case,text,label\na,x,1\n,y,2\n", "a value in column 'case' of every row, has none in row 3"),
    "blank.csv": ('text,label\n" ",1\nx,2\n', "must hold something, was empty: row 2"),
    "twice.csv": ("case,text,label\na,x,1\na,y,2\n", "must name each case once, names twice a"),
    "labels.csv": ("text,label,label\nx,1,2\n", "labels.csv must name every column once; label stands twice"),
    "channel.csv": ("case,step,x,x,label\na,1,1,2,u\n", "channel.csv must name every column once; x stands twice"),
    "nothing.csv": ("", "nothing.csv is empty; bring a header, and a row below it"),
    "torn.csv": ("text,label\nx,1\n\ny,2,3\n", "torn.csv, row 4: it has 3 cells, and the header 2"),
    "lines.csv": ('text,label\n"x\n",1\n\n \n,2\n', "'text' of every row, has none in row 5"),
    "none.parquet": ("PAR1", "none.parquet is a damaged or truncated Parquet file, or none; copy it again"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_read_is_refused_with_its_place(name, tmp_path):
    content, message = REFUSALS[name]
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(RequestError) as refusal:
        read(tmp_path / name)
    assert message in str(refusal.value)
    assert "(nan)" not in str(refusal.value)


def test_rows_of_a_parquet_table_have_no_header_above_them(tmp_path):
    pd.DataFrame({"text": ["x", None], "label": ["1", "2"]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(RequestError, match=r"of every row, has none in row 2$"):
        read(tmp_path / "p.parquet")


def test_a_parquet_table_names_every_column_once(tmp_path):
    table = pa.Table.from_arrays([pa.array(["x", "y"]), pa.array(["1", "2"]), pa.array(["3", "4"])], ["text", "l", "l"])
    pq.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(RequestError, match=r"p.parquet must name every column once; l stands twice"):
        read(tmp_path / "p.parquet")
    named = pd.Index(["a"], name="text")
    pd.DataFrame({"text": ["x"], "label": ["1"]}, index=named).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(RequestError, match=r"p.parquet must name every column once; text stands twice"):
        read(tmp_path / "p.parquet")


def test_a_header_that_declares_no_class_allows_any(tmp_path):
    (tmp_path / "p.ts").write_text("@classLabel true\n@data\n1,2:A\n1,3:b\n")
    assert read(tmp_path / "p.ts").labels == ("A", "b")


def test_times_without_a_zone_and_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text,label,seen\nx,1,2024-01-01\ny,2,2024-01-02\n")
    with pytest.raises(
        RequestError, match=r"row 2, column 'seen': a time must say its zone, as in .*, was '2024-01-01'"
    ):
        read(path, time="seen")
    path.write_text("text,label,seen\nx,1,2024-01-01T00:00Z\ny,2,soon\n")
    with pytest.raises(
        RequestError, match=r"row 3, column 'seen': 'soon' is no time; write it as 2024-03-21T09:30:00Z"
    ):
        read(path, time="seen")
    path.write_text("text,label,seen\nx,1,2024-01-01T00:00Z\ny,2,9999-12-31T00:00Z\n")
    with pytest.raises(RequestError, match=r"row 3, column 'seen': '9999-12-31T00:00Z' is no moment of the calendar"):
        read(path, time="seen")
    path.write_bytes(b"text,label\n\xff\xfe,1\n")
    with pytest.raises(RequestError, match=r"written in UTF-8, is not from byte 11"):
        read(path)
    (tmp_path / "sounds").mkdir()
    with pytest.raises(RequestError, match="must hold WAV files"):
        read(tmp_path / "sounds")


def test_what_is_read_is_known_by_its_bytes(tmp_path):
    for name, seed in (("a.csv", 0), ("b.csv", 1)):
        cases = moods(4, seed)
        pd.DataFrame({"text": cases.values, "label": cases.labels}).to_csv(tmp_path / name, index=False)
    digests = [read_cases(str(tmp_path / name), "env.path", COLUMNS)[1] for name in ("a.csv", "a.csv", "b.csv")]
    assert digests[0] == digests[1] != digests[2]
