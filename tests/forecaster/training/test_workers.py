"""Processes: results in order, news while they work, and nobody left behind by a failure."""

import os
import time
from functools import partial
from multiprocessing import active_children

import pytest
import torch

from forecaster.training.workers import Workers


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_and_news_with_the_number_of_their_task(processes):
    def work(number, report):
        report("at work", number)
        return number, torch.get_num_threads(), os.getpid()

    news = []
    with Workers(processes) as workers:
        for _ in range(2):
            results = workers.run([partial(work, number) for number in range(3)], lambda *words: news.append(words))
            assert [number for number, _, _ in results] == [0, 1, 2]
    assert sorted(news) == [(number, "at work", number) for number in (0, 0, 1, 1, 2, 2)]
    assert {threads for _, threads, _ in results} == {torch.get_num_threads() if processes == 1 else 1}
    assert (os.getpid() in {process for _, _, process in results}) is (processes == 1)
    assert not active_children()


def test_there_are_no_more_processes_than_tasks_and_none_where_one_is_enough():
    assert Workers(8, at_most=3).count == 3
    assert Workers(None, at_most=1).count == 1
    assert Workers(None).count >= 1


@pytest.mark.parametrize(("ending", "message"), [("raise", "training diverged"), ("kill", "unexpectedly terminated")])
def test_a_task_that_fails_ends_the_others_at_once_and_leaves_no_process(ending, message):
    def work(number, report):
        if number == 1:
            time.sleep(600)
        if ending == "kill":
            os.kill(os.getpid(), 9)
        raise ValueError("training diverged")

    started = time.monotonic()
    with pytest.raises((ValueError, RuntimeError), match=message), Workers(2) as workers:
        workers.run([partial(work, number) for number in range(2)], lambda *_: None)
    assert time.monotonic() - started < 300.0
    assert not active_children()
