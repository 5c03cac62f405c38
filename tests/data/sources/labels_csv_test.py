import pytest

from tf_transfer.data.sources import open_source

HEADER = "file,label"


@pytest.fixture
def pictures(tmp_path):
    """A folder of ten pictures (empty files, never decoded here), some in directories; the CSV lies beside it."""
    for name in (
        "1.jpg",
        "2.jpg",
        "3.png",
        "a b.jpg",
        "caf\u00e9.jpg",
        "more/4.jpg",
        "more/5.jpg",
        "more/6.jpg",
        "7.jpg",
        "8.jpg",
    ):
        file = tmp_path / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "pictures"


def opened(pictures, text, encoding="utf-8", **options):
    path = pictures.parent / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return open_source(f"folder:{pictures}", labels=str(path), **options)


def labels(source):
    """By class name, the images of all splits."""
    found = {name: [] for name in source.class_names}
    for split in source.counts:
        for example in source.examples(split):
            found[source.class_names[example.label]].append(example.name)
    return {name: sorted(images) for name, images in found.items()}


ROWS = "1.jpg,cat\n2.jpg,cat\nmore/4.jpg,dog\nmore/5.jpg,dog\n"
EXPECTED = {"cat": ["1.jpg", "2.jpg"], "dog": ["more/4.jpg", "more/5.jpg"]}


@pytest.mark.parametrize(
    "text",
    [
        f"file,label\n{ROWS}",
        f"\ufeffFile,Label\r\n{ROWS}".replace("\n", "\r\n"),
        f"file;label\n{ROWS}".replace(",", ";"),
        f"file\tlabel\n{ROWS}".replace(",", "\t"),
        'LABEL,"File"\ncat,1.jpg\n"cat","2.jpg"\ndog, more/4.jpg\ndog,"more/5.jpg"\n\n',
        "id,breed\n1,cat\n2,cat\n4,dog\n5,dog\n",
        "filename,width,label\n./1.jpg,3,cat\n2.jpg,3,cat\npictures/more/4,3,dog\nmore\\5.jpg,3,dog",
        f"file,label\n{ROWS}1.jpg,cat\n",
    ],
)
def test_spellings_of_a_csv(pictures, text):
    assert labels(opened(pictures, text)) == EXPECTED


def test_a_csv_in_utf_16(pictures):
    assert labels(opened(pictures, f"file,label\n{ROWS}", encoding="utf-16")) == EXPECTED


def test_names_with_blanks_commas_and_accents_in_either_form(pictures):
    (pictures / "x, y.jpg").touch()
    text = 'file,label\na b,gro\u00df\n"x, y.jpg","gro\u00df"\ncafe\u0301.jpg,"a, b"\n1.jpg,"a, b"\n'
    assert labels(opened(pictures, text)) == {"a, b": ["1.jpg", "caf\u00e9.jpg"], "gro\u00df": ["a b.jpg", "x, y.jpg"]}


def test_absolute_paths(pictures):
    text = "file,label\n" + "".join(f"{pictures / row}\n" for row in ROWS.splitlines())
    assert labels(opened(pictures, text)) == EXPECTED


def test_a_csv_within_the_folder(pictures):
    (pictures / "more" / "my.csv").write_text(
        "file,label\n4.jpg,dog\n5.jpg,dog\n6.jpg,cat\nmore/6.jpg,cat\n1.jpg,cat\n"
    )
    found = labels(open_source(f"folder:{pictures}", labels=str(pictures / "more" / "my.csv")))
    assert found == {"cat": ["1.jpg", "more/6.jpg"], "dog": ["more/4.jpg", "more/5.jpg"]}


def test_classes_that_are_numbers_are_ordered_by_size(pictures):
    text = "file,label\n1.jpg,10\n2.jpg,10\n3.png,9\n7.jpg,9\n"
    assert opened(pictures, text).class_names == ("9", "10")


def test_splits(pictures):
    rows = "1.jpg,a,Training\n2.jpg,b,train\n3.png,a,TEST\n7.jpg,b,testing\n8.jpg,b,valid\n"
    source = opened(pictures, f"file,label,split\n{rows}")
    assert source.counts == {"train": 2, "test": 2, "val": 1}
    assert [example.name for example in source.examples("test")] == ["3.png", "7.jpg"]
    source = opened(pictures, "file,label,split\n" + rows.replace("testing", "val").replace("TEST", "val"))
    assert source.counts == {"train": 2, "test": 3}


def test_without_splits_a_hold_out_is_taken(pictures):
    assert opened(pictures, f"file,label\n{ROWS}", holdout=0.5).counts == {"train": 2, "test": 2}


def test_directories_that_are_splits(pictures):
    for name in ("train/a.jpg", "train/b.jpg", "test/c.jpg", "test/d.jpg"):
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).touch()
    source = opened(pictures, "file,label\na.jpg,x\nb.jpg,y\nc.jpg,x\nd.jpg,y\n")
    assert [example.name for example in source.examples("test")] == ["test/c.jpg", "test/d.jpg"]


def test_missing_files_are_set_aside_and_unlabelled_images_are_left_out(pictures):
    source = opened(pictures, f"file,label\n{ROWS}gone.jpg,dog\n7.jpg,\n")
    [gone] = [example for split in source.counts for example in source.examples(split) if example.name == "gone.jpg"]
    with pytest.raises(ValueError, match="named in row 6 of labels.csv, and not there"):
        gone.load()
    left_out = dict(line.split("\t") for line in source.left_out)
    assert left_out["7.jpg"] == "no label in labels.csv" and left_out["8.jpg"] == "not in labels.csv"
    assert any("8.jpg" in note for note in source.notes) and len(left_out) == 6


@pytest.mark.parametrize(
    "text, message",
    [
        ("1.jpg,cat\n2.jpg,dog\n", "row 1 must name the columns file, label .*'1.jpg,cat'"),
        ("", "row 1 must name the columns file, label"),
        ("file label\n1.jpg cat\n", "row 1 must name the columns"),
        ("file,label,split\n1.jpg,cat,train\n2.jpg,cat,fold1\n", "row 3: split 'fold1' is none of train, val, test"),
        ("file,label,split\n1.jpg,cat,train\n2.jpg,cat\n", "row 3: split '' is none of train, val, test"),
        ("file,label\n1.jpg,cat\n1.jpg,dog\n", "rows 2 and 3 say different things of '1.jpg'"),
        ("file,label\nx, y.jpg,cat\n", "row 2 has 3 cells"),
        ("file,label\n,cat\n", "row 2 names no file"),
        ("file,label\n1.jpg,cat\n\n2.jpg,a\n1,dog\n,x", "rows 2 and 5 .*; row 6 names no file"),
    ],
)
def test_what_is_wrong_is_said_by_row(pictures, text, message):
    with pytest.raises(ValueError, match=f"labels.csv: {message}") as error:
        opened(pictures, text)
    assert "\n" not in str(error.value)


def test_a_name_that_may_be_several_files(pictures):
    (pictures / "other").mkdir()
    (pictures / "other" / "4.jpg").touch()
    with pytest.raises(ValueError, match="row 2: '4.jpg' may be any of 2 files"):
        opened(pictures, "file,label\n4.jpg,cat\n")


def test_nothing_outside_the_folder_is_read(pictures):
    (pictures.parent / "secret.jpg").touch()
    with pytest.raises(FileNotFoundError, match="none of the 2 files that it names, with a label, lie in"):
        opened(pictures, "file,label\n../secret.jpg,cat\n/etc/passwd,dog\n")


def test_no_csv(pictures):
    with pytest.raises(FileNotFoundError, match="there is no file '.*nowhere.csv'"):
        open_source(f"folder:{pictures}", labels="nowhere.csv")
    with pytest.raises(ValueError, match="--labels is for --source=folder:DIR"):
        open_source("shapes", labels="labels.csv")


def test_other_labels_are_another_source(pictures):
    first = opened(pictures, f"file,label\n{ROWS}")
    assert opened(pictures, f"file,label\n{ROWS}").identity == first.identity
    swapped = ROWS.replace("cat", "x").replace("dog", "cat").replace("x", "dog")
    assert opened(pictures, f"file,label\n{swapped}").identity != first.identity
