"""Each feature can be deleted: without its folder the receiver starts, and every other page and route is as it was.

Of the copy's own tests a few quick ones are run here; bench/features.py runs all of them.
"""

import installed
import pytest
from copies import Copy
from features_rig import FOLDER, PLAIN, QUICK, Works, wrong_behind_log_in, wrong_without


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("copy") / "tree")


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


@pytest.mark.parametrize("name", sorted(installed.FEATURES))
def test_without_a_feature(copy, works, name):
    with copy.without(f"{FOLDER}/{name}"):
        assert wrong_without(copy, works, name) == []
        assert wrong_behind_log_in(copy, works, name) == []
        done = copy.test(*QUICK, **PLAIN)
        assert done.returncode == 0, done.stdout


def test_seen_where_a_feature_imports_another(copy, works):
    """Known-bad: the overview takes something from the meters' folder."""
    with copy.changed(f"{FOLDER}/overview/page.py", lambda text: text + "\nfrom ..meters import coverage\n"), \
            copy.without(f"{FOLDER}/meters"), pytest.raises(AssertionError):
        wrong_without(copy, works, "meters")


def test_seen_where_a_file_of_all_imports_a_feature(copy, works):
    """Known-bad: the frame of the pages takes something from a feature's folder."""
    with copy.changed("cloud_receiver/web/pages.py", lambda text: text + "\nfrom ..features.alarms import page\n"), \
            copy.without(f"{FOLDER}/alarms"), pytest.raises(AssertionError):
        wrong_without(copy, works, "alarms")


def test_seen_where_a_page_links_to_one_that_may_be_gone(copy, works):
    """Known-bad: a link that is there whether its page is or not, and a template that needs another feature's."""
    for change in (lambda text: text.replace("{% block main %}", "{% block main %}<p><a href='/alarms'>x</a></p>"),
                   lambda text: text.replace("{% block main %}", "{% block main %}{% include 'alarms/alarms.html' %}")):
        with copy.changed(f"{FOLDER}/overview/overview.html", change), copy.without(f"{FOLDER}/alarms"):
            try:
                assert wrong_without(copy, works, "alarms") != []
            except AssertionError as e:
                assert "alarms/alarms.html" in str(e) or "TemplateNotFound" in str(e), e
