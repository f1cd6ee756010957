"""``malle mx check`` on the secondary: two sites that know each other have nothing wrong, and one that is away is named."""

import json

from malleposte_lab.twosites import TwoSites


def test_sites_that_know_each_other_have_nothing_wrong(lab: TwoSites) -> None:
    lab.backup.malle("mx", "sync")
    found = {(entry["what"], entry["words"]): entry["grade"] for entry in lab.backup.malle_json("mx", "check", "example.test")}
    assert set(found.values()) == {"ok"}
    assert found["mx1.example.test", "knows this site as its secondary"] == "ok"
    assert any(what == "hand-over" and "was handed to mx1.example.test" in words for what, words in found)
    assert [words.partition(",")[0] for what, words in found if what == "recipients"] == ["those of mx1 are here"]


def test_primary_that_is_away_is_named_and_no_message_is_left(lab: TwoSites) -> None:
    with lab.faults.kill("primary/mx"):
        done = lab.backup.try_malle("mx", "check", "example.test", "--json")
        queued = lab.backup.malle_json("queue", "list")
    wrong = [entry["what"] for entry in json.loads(done.text) if entry["grade"] == "WRONG"]
    assert (done.status, wrong) == (1, ["mx1.example.test"])
    assert not [entry for entry in queued if "postmaster@example.test" in str(entry)]
