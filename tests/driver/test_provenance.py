from types import SimpleNamespace

from driver.provenance import say_if_synthetic, say_what_it_learnt_from


class Versions:
    def __init__(self, **tags: str) -> None:
        self.tags = tags

    def find(self, version: str) -> SimpleNamespace:
        return SimpleNamespace(version=version, tags=self.tags)


def test_synthetic_numbers_are_announced_and_real_ones_are_not(capsys) -> None:
    say_if_synthetic("uci")
    assert capsys.readouterr().out == ""
    say_if_synthetic("synthetic")
    assert capsys.readouterr().out.startswith("SYNTHETIC DATA: every number below")


def test_a_version_says_what_it_learnt_from(capsys) -> None:
    say_what_it_learnt_from(Versions(provenance="uci"), "1")
    assert capsys.readouterr().out == ""
    say_what_it_learnt_from(Versions(provenance="synthetic"), "2")
    assert capsys.readouterr().out == "SYNTHETIC MODEL: version 2 learnt from a drawn sample, not from patients\n"
    say_what_it_learnt_from(Versions(provenance="uci", injected_shifts="a1c:1.0"), "3")
    assert capsys.readouterr().out == "INJECTED SHIFTS: version 3 learnt from a1c:1.0\n"
