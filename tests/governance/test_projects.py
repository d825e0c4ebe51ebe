"""Projects and their slugs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import Write

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance import projects, store
from trimtab.governance.projects import ProjectChange
from trimtab.storage import revision


def make(conn: Any, slug: str) -> store.ProjectRow:
    return projects.create(conn, slug=slug, name="", capture_content=True, now=7)


def test_a_project_is_found_by_its_slug_and_named_after_it_unless_told(write: Write) -> None:
    write(lambda conn: make(conn, "support"))
    found = write(lambda conn: projects.get(conn, "support"))
    assert (found.name, found.capture_content, found.created) == ("support", True, 7)


def test_a_slug_is_given_once(write: Write) -> None:
    write(lambda conn: make(conn, "support"))
    with pytest.raises(Conflict):
        write(lambda conn: make(conn, "support"))


def test_a_change_touches_only_what_it_names_and_is_announced(write: Write) -> None:
    write(lambda conn: make(conn, "support"))
    before = write(lambda conn: revision.current(conn, projects.REVISION))
    changed = write(lambda conn: projects.change(conn, "support", ProjectChange(capture_content=False)))
    assert (changed.name, changed.capture_content) == ("support", False)
    assert write(lambda conn: revision.current(conn, projects.REVISION)) == before + 1


def test_a_change_of_a_project_that_is_not_there_is_refused_and_not_announced(write: Write) -> None:
    with pytest.raises(NotFound):
        write(lambda conn: projects.change(conn, "nobody", ProjectChange(name="x")))
    assert write(lambda conn: revision.current(conn, projects.REVISION)) == 0


@pytest.mark.parametrize("slug", ["a", "a1", "support-bot", "x" * 63, "0"])
def test_good_slugs_pass(slug: str) -> None:
    projects.check_slug(slug)


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "a/b", "ä", "x" * 64, "a.b", "a\n", "..", "a%2Fb"])
def test_bad_slugs_are_refused_with_the_rule(slug: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        projects.check_slug(slug)
    assert caught.value.param == "slug"
    assert "hyphens" in caught.value.fix


@given(st.text(max_size=300))
def test_a_name_that_passes_is_one_printable_line_of_at_most_200(name: str) -> None:
    try:
        kept = projects.check_name(name)
    except InvalidRequest:
        return
    assert len(kept) <= 200
    assert kept.isprintable()
    assert kept == kept.strip()
    kept.encode()


def test_pages_of_projects_follow_one_another_without_gap_or_overlap(write: Write) -> None:
    for slug in ("c", "a", "b", "e", "d"):
        write(lambda conn, slug=slug: make(conn, slug))
    first = write(lambda conn: store.projects(conn, limit=2))
    rest = write(lambda conn: store.projects(conn, after=first[-1].slug))
    assert [p.slug for p in first + rest] == ["a", "b", "c", "d", "e"]
