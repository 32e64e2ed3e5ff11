"""The logs side by side."""

import threading

from octant_devnet import report
from octant_devnet.chainkit import until


def test_logs__of_all__carry_the_name_and_only_the_last_lines(tmp_path, capsys):
    (tmp_path / "epochs.log").write_text("one\ntwo\nthree\nhalf")
    (tmp_path / "nats.log").write_text("ready\n")
    assert report.follow_logs(tmp_path, None, 2, lambda: False) == 0
    assert capsys.readouterr().out == "epochs | two\nepochs | three\nnats   | ready\n"


def test_logs__of_one_that_does_not_exist__names_those_that_do(tmp_path, capsys):
    (tmp_path / "epochs.log").write_text("one\n")
    assert report.follow_logs(tmp_path, "epoch", 2, lambda: False) == 1
    assert "there are: epochs" in capsys.readouterr().out


def test_logs__followed__show_a_line_once_it_is_complete(tmp_path, capsys):
    log = tmp_path / "epochs.log"
    log.write_text("half")
    told_to_stop = threading.Event()
    follower = threading.Thread(
        target=report.follow_logs, args=[tmp_path, None, 5, lambda: not told_to_stop.is_set()]
    )
    follower.start()
    with log.open("a") as file:
        file.write(" and half\n")
    seen = ""

    def shown() -> bool:
        nonlocal seen
        seen += capsys.readouterr().out
        return seen == "epochs | half and half\n"

    try:
        until(shown)
    finally:
        told_to_stop.set()
        follower.join()
