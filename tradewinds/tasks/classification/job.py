"""A request to tell cases apart, as a job: its cases are read, and it is settled which are judged."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.classification.cases import Cases, classes_of, counted, named, numbers_of
from forecaster.classification.inputs import words_of
from forecaster.classification.splits import dealt, parted
from tradewinds.core.errors import RequestError
from tradewinds.data.cases.read import passed_over, read_cases
from tradewinds.data.cases.tables import CaseColumns
from tradewinds.data.notes import Note
from tradewinds.data.readers.lexicons import read_lexicon
from tradewinds.pipeline.prepare import check_surroundings, seed_for
from tradewinds.pipeline.task import Job
from tradewinds.request.schema import Config

Numbers = NDArray[np.int64]
INNER_FOLDS = 3  # of the cases learned from, where settings are chosen by them
Folds: TypeAlias = tuple[tuple[Numbers, Numbers], ...]


@dataclass(frozen=True)
class ClassificationJob(Job):
    """A request with its cases.

    Attributes:
        cases: C of them, those to learn from before those of `env.test_path`.
        folds: who is learned from and who is judged by that, a pair of numbers a fold; no two judge the same case.
        kept: which cases the classifier that is kept learns from.
        lexicon: scores by word; None without.
    """

    cases: Cases
    folds: Folds
    kept: Numbers
    lexicon: Mapping[str, float] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels of the cases that are learned from, in order."""
        return classes_of(self.cases.of(self.kept).known())

    @property
    def judged(self) -> Numbers:
        """(J,) which cases are judged, in order."""
        return np.sort(np.concatenate([judged for _, judged in self.folds]))


def columns_of(rules: Any) -> CaseColumns:
    """Return the columns that a request names."""
    return CaseColumns(
        case=rules.case, label=rules.label, text=rules.text, order=rules.order, group=rules.group, time=rules.time
    )


def name_of(config: Config) -> str:
    """Return what runs of a request are called: of SET_TRAIN, as the archives write it, SET; empty without a file."""
    path = config.env.path
    if config.run.name or path is None:
        return config.run.name or ""
    return re.sub(r"[^A-Za-z0-9_-]", "_", Path(path).resolve().stem.removesuffix("_TRAIN"))[:64]


def job_of_cases(config: Config, task: Any) -> ClassificationJob:
    """Read the cases of a request, and part them.

    Raises:
        RequestError: they cannot be read, have no classes, or cannot be parted as asked.
    """
    check_surroundings(config)
    if config.env.path is None:
        raise RequestError("env.path must name the cases: tradewinds classify env.path=FILE")
    rules, columns = config.env, columns_of(config.env)
    cases, digest = read_cases(rules.path, "env.path", columns)
    sources, kept = [rules.path], np.arange(len(cases))
    _require_labels(cases, "env.path", rules)
    try:
        if rules.test_path is not None:
            test, second = read_cases(rules.test_path, "env.test_path", columns)
            _require_labels(test, "env.test_path", rules)
            cases, digest = _joined(cases, test), digest + second
            folds: Folds = ((kept, len(kept) + np.arange(len(test))),)
            sources.append(rules.test_path)
        else:
            folds = _parted(cases, rules, seed_for(config.seed, "cases"))
            kept = folds[0][0] if len(folds) == 1 else kept
        if rules.lexicon is not None and not cases.are_texts:
            raise RequestError(f"env.lexicon scores the words of texts, and {rules.path} holds series; leave it out")
        lexicon = None if rules.lexicon is None else read_lexicon(rules.lexicon, "env.lexicon")
        _require_learned(cases, folds)
        _require_known(cases, folds, "env" if rules.test_path is None else f"env.test_path={rules.test_path}")
    except ValueError as error:
        raise error if isinstance(error, RequestError) else RequestError(f"env: {error}") from None
    name = name_of(config)
    inputs = {"series": name, "env": "classification", "sha256": digest, "sources": sources}
    notes = (*(note for source in sources for note in passed_over(source)), *_notes(cases, folds, rules))
    return ClassificationJob(config, task, name, notes, inputs, cases=cases, folds=folds, kept=kept, lexicon=lexicon)


def learned_from(job: ClassificationJob) -> ClassificationJob:
    """Return the job of the cases that are learned from alone, dealt into folds that judge them in turn.

    Raises:
        RequestError: each is judged by a fold already, or there are too few of a class.
    """
    if len(job.folds) > 1:
        raise RequestError(
            f"env.folds={job.config.env.folds} judges every case, and leaves none to choose settings by; give "
            "env.test_path, or leave env.folds out"
        )
    cases, rules = job.cases.of(job.kept), job.config.env
    how: Literal["grouped", "stratified"] = "grouped" if rules.split == "grouped" else "stratified"
    try:
        judged = dealt(cases, how, INNER_FOLDS, seed_for(job.config.seed, "inner_cases"))
        folds = tuple((np.setdiff1d(np.arange(len(cases)), one), one) for one in judged)
        _require_learned(cases, folds)
    except ValueError as error:
        raise RequestError(f"the cases learned from cannot be dealt into {INNER_FOLDS} folds: {error}") from None
    return replace(job, cases=cases, folds=folds, kept=np.arange(len(cases)))


def _parted(cases: Cases, rules: Any, seed: int) -> Folds:
    """Return who is learned from and who is judged, in one part or in several folds."""
    if rules.folds is None:
        return (parted(cases, rules.split, rules.test_share, seed),)
    judged = dealt(cases, rules.split, rules.folds, seed)
    return tuple((np.setdiff1d(np.arange(len(cases)), one), one) for one in judged)


def _joined(cases: Cases, test: Cases) -> Cases:
    """Return both, one after the other; a name that both bear is told apart.

    Raises:
        ValueError: they are not of one form.
    """
    test = test.in_order(cases.channels)
    if cases.channels != test.channels or cases.are_texts != test.are_texts:
        raise ValueError(
            f"test_path must hold cases of the same channels, {named(list(cases.channels), 12) or 'texts'}, has "
            f"{named(list(test.channels), 12) or 'texts'}"
        )
    taken = set(cases.names)
    names = tuple(f"{name} (test)" if name in taken else name for name in test.names)
    groups = None if cases.groups is None or test.groups is None else cases.groups + test.groups
    times = None if cases.times is None or test.times is None else pd.DatetimeIndex(cases.times.append(test.times))
    values: Any = (*cases.values, *test.values)
    return Cases((*cases.names, *names), values, (*cases.known(), *test.known()), cases.channels, groups, times)


def _require_learned(cases: Cases, folds: Folds) -> None:
    """Refuse folds of which one has no case of a class to learn from."""
    if len(folds) < 2:
        return
    labels = np.array(cases.known())
    lone = {str(label) for learned, judged in folds for label in np.setdiff1d(labels[judged], labels[learned])}
    if lone:
        raise ValueError(
            f"each class must be learned from in every fold, has its cases in one fold alone: {named(sorted(lone))}; "
            "leave such cases out, or take fewer folds or groups that are smaller"
        )


def _require_known(cases: Cases, folds: Folds, where: str) -> None:
    """Refuse what is judged and of a class that nothing was learned of."""
    for learned, one in folds:
        classes, judged = classes_of(cases.of(learned).known()), cases.of(one)
        try:
            numbers_of(judged.known(), classes, judged.names)
        except ValueError as error:
            raise RequestError(f"{where}: {error}") from None


def _require_labels(cases: Cases, key: str, rules: Any) -> None:
    if cases.labels is None:
        raise RequestError(f"{key} must hold the class of each case, in the column env.label={rules.label} of a table")


def _notes(cases: Cases, folds: Folds, rules: Any) -> list[str]:
    """Return what is to be noticed: what is both learned from and judged, what is not read, and what is missing."""
    contents, notes = np.array([hash(content) for content in cases.contents()]), list[str]()
    twins = sorted({name for learned, judged in folds for name in _twins(cases, contents, learned, judged)})
    if twins:
        holds, they = ("holds", "it") if len(twins) == 1 else ("hold", "they")
        text = f"{len(twins)} of the cases judged {holds} just what one learned from holds ({named(twins)}): {they}"
        notes.append(Note(f"{text} may be known by heart", "doubt"))
    labels = np.array(cases.known())
    judged_labels = {str(label) for _, judged in folds for label in labels[judged]}
    if unjudged := sorted(set(cases.known()) - judged_labels):
        classes = "1 class is" if len(unjudged) == 1 else f"{len(unjudged)} classes are"
        text = f"{classes} learned, and no case of {'it' if len(unjudged) == 1 else 'them'} is judged"
        notes.append(Note(f"{text}: {named(unjudged)}", "doubt"))
    if cases.groups is not None:
        groups = np.array(cases.groups)
        both = sorted(
            {str(group) for learned, judged in folds for group in np.intersect1d(groups[learned], groups[judged])}
        )
        if both:
            groups_are = f"{counted(len(both), 'group')} {'is' if len(both) == 1 else 'are'}"
            text = f"{groups_are} both learned from and judged ({named(both)}); env.split=grouped parts them"
            notes.append(Note(text, "doubt"))
    missing = sum(int(np.isnan(value).sum()) for value in cases.values if not isinstance(value, str))
    longest, texts = rules.longest, [value for value in cases.values if isinstance(value, str)]
    long = sum(len(words_of(text)) > longest for text in texts)
    if long:
        are = "is" if long == 1 else "are"
        notes.append(
            f"{counted(long, 'text')} {are} longer than env.longest={longest} words, of which the first are read"
        )
    if missing:
        are = "is" if missing == 1 else "are"
        notes.append(f"{counted(missing, 'number')} {are} missing, and taken for the mean of the channel")
    return notes


def _twins(cases: Cases, contents: Numbers, learned: Numbers, judged: Numbers) -> list[str]:
    known = np.isin(contents[judged], contents[learned])
    return [cases.names[number] for number in judged[known]]
