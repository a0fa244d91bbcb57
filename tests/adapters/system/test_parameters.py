"""How a callback's query is read."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from dagctl.adapters.system.listener import parameters

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.dictionaries(words, words, max_size=8))
def test_parameters_are_read_as_they_were_written(query: dict[str, str]) -> None:
    assert parameters(urlencode(query)) == query


@given(words, words, words)
def test_a_parameter_given_twice_spoils_the_query(name: str, one: str, other: str) -> None:
    assert parameters(urlencode([(name, one), (name, other)])) is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = parameters(text)
    assert found is None or all(isinstance(value, str) for value in found.values())
