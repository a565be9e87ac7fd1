"""The test harness itself: a failing assert fails and a skip skips, on both runtimes."""

from support import Skip, corpus, skip


def test_assert_fails():
    try:
        assert 1 == 2
    except AssertionError:
        return
    raise ValueError("assert is switched off")


def test_skip_is_raised():
    try:
        skip("reason")
    except Skip as e:
        assert "reason" in str(e)
        return
    raise ValueError("skip did not skip")


def test_absent_corpus_skips():
    try:
        corpus("no/such/file.jsonl")
    except Skip as e:
        assert "no/such/file.jsonl" in str(e)
        return
    raise ValueError("absent corpus did not skip")
