"""A folder of results appears whole or not at all."""

import pytest

from sim.whole_folder import written_whole


def files(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def half_written(target, error):
    with written_whole(target, force=True) as partial:
        (partial / "scenario.yaml").write_text("half")
        (partial / "summary.json").write_text("half")
        raise error("half")


def test_nothing_is_there_until_all_is(tmp_path):
    target = tmp_path / "a" / "b"
    with written_whole(target) as partial:
        (partial / "summary.json").write_text("new")
        assert not target.exists()
    assert files(target) == {"summary.json": "new"}
    assert [path.name for path in target.parent.iterdir()] == ["b"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        half_written(tmp_path / "a" / "b", error)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_keeps_the_one_that_was_there(tmp_path):
    (tmp_path / "summary.json").write_text("old")
    with pytest.raises(ValueError, match="half"):
        half_written(tmp_path, ValueError)
    assert files(tmp_path) == {"summary.json": "old"}


def test_a_forced_run_replaces_the_other_and_leaves_other_files(tmp_path):
    for name in ("summary.json", "requests.parquet", "mine.txt"):
        (tmp_path / name).write_text("old")
    with written_whole(tmp_path, force=True) as partial:
        (partial / "summary.json").write_text("new")
    assert files(tmp_path) == {"summary.json": "new", "mine.txt": "old"}


def test_another_run_is_refused(tmp_path):
    (tmp_path / "summary.json").write_text("old")
    with pytest.raises(FileExistsError, match="other results"), written_whole(tmp_path):
        pass


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(NotADirectoryError), written_whole(target, force=True):
            pass
    assert (tmp_path / "file").read_text() == ""
