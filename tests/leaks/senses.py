"""Leaks of texts and pictures, and of what is fitted on them."""

from dataclasses import replace

import numpy as np

from leaks.table import change, plant


@plant("senses", "senses")
def texts_joined_by_their_date():
    """a text counts as known at the time it is of, not when it was published"""
    change(
        "tradewinds.data.providers.texts:read_texts",
        lambda read: lambda path, config: (lambda texts: replace(texts, published=texts.times))(read(path, config)),
    )


@plant("senses", "senses")
def pictures_known_at_once():
    """a picture counts as known at the time in its name, whatever lag the request names"""
    change(
        "tradewinds.data.providers.pictures:load_pictures",
        lambda load: (
            lambda config, rules: (lambda part: replace(part, available=dict.fromkeys(part.table, part.table.index)))(
                load(config, rules)
            )
        ),
    )


@plant("senses", "senses")
def bars_read_the_next_text():
    """a bar has the texts that become known in the bar after it"""

    def later(pool):
        return lambda columns, moments, since: pool(
            columns, moments.append(moments[-1:] + (moments[-1] - moments[-2])), since
        )[1:]

    change("tradewinds.data.assemble.events:pooled", later)


@plant("senses", "senses")
def svd_fitted_on_all_rows():
    """the SVD of texts, and the brightness of pictures, are fitted on all rows, the test rows among them"""
    whole = {}

    def keeping(fit):
        def prepared_training(series, config, *rest, **options):
            from forecaster.data.panel import build_panel_features

            whole["tables"] = [table.senses for table in build_panel_features(series, config.features)]
            return fit(series, config, *rest, **options)

        return prepared_training

    change("forecaster.fitted:prepared_training", keeping)

    def make(learned):
        def of_all(self, rows):
            if not whole:  # an audit looks at rows before anything is fitted
                return learned(self, rows)
            tables = whole["tables"]
            return learned(type(self).of(self.senses, tables), np.arange(len(tables[0]["text"])))

        return of_all

    change("forecaster.data.senses:SenseTables.learned", make)


@plant("senses", "senses")
def charts_of_the_next_bar():
    """the chart of a bar shows the bar after it"""
    change(
        "forecaster.data.features:chart",
        lambda draw: lambda prices, bars: np.concatenate([draw(prices, bars)[1:], draw(prices, bars)[-1:]]),
    )
