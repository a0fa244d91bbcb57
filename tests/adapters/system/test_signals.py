"""Signals wait for the end of a block, and are what they were after it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from threading import Thread

import pytest

from dagctl.adapters.system.signals import held


@pytest.fixture(autouse=True)
def foreground() -> Iterator[None]:
    """A shell has whatever it runs in the background ignore SIGINT; these tests are about it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_waits_and_then_comes() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held():  # noqa: PT012 - what comes after is what is tested
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_comes_once_and_after_the_outermost_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held():  # noqa: PT012 - what comes after is what is tested
        with held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        done.append("the rest")
    assert done == ["the rest"]


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """A program with a handler of its own."""
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    yield came
    signal.signal(signal.SIGTERM, before)


def test_a_programs_own_handler_is_called_later(handled: list[int]) -> None:
    with held():
        signal.raise_signal(signal.SIGTERM)
        assert handled == []
    assert handled == [signal.SIGTERM]


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with held():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_change_nothing() -> None:
    seen = []

    def work() -> None:
        with held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
