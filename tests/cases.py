"""Cases that the tests of classification share: sums that must be remembered, and texts of two moods."""

import numpy as np

from forecaster.classification.cases import Cases

GOOD, BAD = ("fine", "bright", "glad"), ("gloomy", "poor", "sad")


def tones(count=40, seed=0, channels=2):
    """Series of 5 to 9 steps whose first number says the class, which a network must remember to the end."""
    rng = np.random.default_rng(seed)
    values, labels = [], []
    for number in range(count):
        length, label = int(rng.integers(5, 10)), number % 2
        value = rng.normal(0.0, 0.1, (length, channels))
        value[0, 0] += 2.0 * label - 1.0
        values.append(value)
        labels.append(("low", "high")[label])
    names = tuple(f"case {number}" for number in range(count))
    groups = tuple(f"g{number // 4}" for number in range(count))
    return Cases(names, tuple(values), tuple(labels), tuple(f"c{k}" for k in range(channels)), groups)


def moods(count=40, seed=0):
    """Texts of a word that says the class among others that do not."""
    rng = np.random.default_rng(seed)
    values, labels = [], []
    for number in range(count):
        words = list(rng.choice(["the", "day", "was", "long", "and", "we", "went", "home"], 6))
        words[int(rng.integers(6))] = str(rng.choice(GOOD if number % 2 else BAD))
        values.append(" ".join(words))
        labels.append("good" if number % 2 else "bad")
    return Cases(tuple(f"t{n}" for n in range(count)), tuple(values), tuple(labels))


def write_ts(path, cases):
    """Write series as a .ts file."""
    lines = ["@problemName tones", "@timeStamps false", "@univariate false", "@equalLength false"]
    lines += [f"@classLabel true {' '.join(sorted(set(cases.labels)))}", "@data"]
    for value, label in zip(cases.values, cases.labels, strict=True):
        lines.append(":".join([*(",".join(map(repr, column.tolist())) for column in value.T), label]))
    path.write_text("\n".join(lines) + "\n")


def write_table(path, cases):
    """Write series as a table, a row a step, the rows of the cases mixed."""
    import pandas as pd

    rows = [
        {"case": name, "step": step, "label": label, **dict(zip(cases.channels, numbers, strict=True))}
        for name, value, label in zip(cases.names, cases.values, cases.labels, strict=True)
        for step, numbers in enumerate(value.tolist())
    ]
    table = pd.DataFrame(rows)
    table.sample(frac=1.0, random_state=1).to_csv(path, index=False, float_format="%.17g")
