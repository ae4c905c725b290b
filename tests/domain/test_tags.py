"""Tags of runs and workflows."""

from __future__ import annotations

import pytest

from controlplane.domain.errors import InvalidInput
from controlplane.domain.tags import clean_tags


def test_they_are_trimmed_and_kept_once_in_order():
    assert clean_tags([" b ", "a", "", "b", " "]) == ["b", "a"]


@pytest.mark.parametrize("tags", [[str(n) for n in range(21)], ["x" * 51]])
def test_too_many_and_too_long_ones_are_refused(tags):
    with pytest.raises(InvalidInput) as refused:
        clean_tags(tags)
    assert [error.field for error in refused.value.errors] == ["tags"]
