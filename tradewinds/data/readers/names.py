"""What other tools call their columns, however they spell it: by the letters alone, in eight languages."""

import re
import unicodedata
from collections.abc import Sequence

ROLES = ("open", "high", "low", "close", "volume", "dividends", "splits")
SYNONYMS = {  # by role, the best first: a file is read by the first line of which it has a column
    "close": (
        "close",
        "c closing closingprice closeprice pricecls pxlast priceclose closelast",
        "last lastprice lasttrade latest ltp zuletzt dernier cloture clot derniercours coursdecloture"
        " ultimo ultimoprecio cierre preciodecierre"
        " schluss schlusskurs letzter kurs"
        " chiusura prezzochiusura prezzodichiusura fechamento fecho encerramento precodefechamento ultimopreco"
        " zamkniecie kurszamkniecia ostatni ostatnio slot slotkoers sluiting laatste",
        "price preis precio prix prezzo preco cena prijs koers value obsvalue wert pxsettle spotprice"
        " dayaheadprice marketprice",
    ),
    "open": (
        "open",
        "o openprice openingprice priceopen pxopen",
        "eroffnung eroffnungskurs eroffn erster ouverture ouv apertura"
        " prezzodiapertura abertura otwarcie kursotwarcia openingskoers opening",
    ),
    "high": (
        "high",
        "h highprice highestprice pricehigh pxhigh",
        "hoch hochstkurs tageshoch hochst haut plushaut maximo"
        " massimo max maxima alta najwyzszy najwyzszykurs maksimum kursmaksymalny hoogste hoog",
    ),
    "low": (
        "low",
        "l lowprice lowestprice pricelow pxlow",
        "tief tiefstkurs tagestief tiefst bas plusbas minimo"
        " min minima baixa najnizszy najnizszykurs minimum kursminimalny laagste laag",
    ),
    "volume": (
        "volume",
        "v vol totalvolume sharevolume pxvolume tradevolume",
        "volumen stucke stuecke umsatz volumes quantite nombredetitres wolumen wol quantita volumi quantidade obrot",
        "tickvol tickvolume",
    ),
    "dividends": ("dividends", "dividend dividendamount exdividend divcash dividende"),
    "splits": ("splits", "stocksplits", "split splitcoefficient splitratio splitfactor"),
}
RANKED = {role: tuple(tuple(line.split()) for line in lines) for role, lines in SYNONYMS.items()}

OF_BAR = "(open|high|low|close|closing|price|last|volume|settle|settlement)"
ADJUSTED = re.compile(rf"adj(usted)?|.*(?<!un)adj(usted)?{OF_BAR}.*|.*{OF_BAR}adj(usted)?.*|(?<!un)adj(usted)?[ohlcv]")
FACTOR = re.compile(
    r".*(split|dividend|adj(ust(ed|ment)?)?|div)(cum)?(factor|coefficient|ratio|coeff|multiplier)s?.*"
    r"|.*factor(to)?(adj|split).*|cfacpr|cfacshr|stocksplits?|splits?|dividends?|dividendamount|exdividend|divcash|capitalgains"
)
PRICE_WORD = (
    "open|high|low|clos|price|prc|px|last|vol|vwap|settle|kurs|schluss|eroffnung|hoch|tief|cloture|ouverture|cierre|apertura"
    "|precio|prix|preis|chiusura|capital|continuous|return|ohlc"
)
REVISED = re.compile(  # by their stems, in any order and with anything between
    rf"(?=.*({PRICE_WORD}|cl$))(?=.*(?<!un)(adj|ajust|bereinigt|rettificat|aggiustat|revised|restated|retroactiv)).*"
    rf"|(tr|totalreturn)({PRICE_WORD}).*|({PRICE_WORD})(tr|totalreturn)|.*[qh]fq.*"
    r"|.*(cum|cumulative|cumulated|accum|accumulated)(split|factor|adj|div).*|.*split(adj|adjusted|adjustment|cum).*|ajex(di|m)?"
)
LATER = re.compile(  # of a price or a return, in words
    r"(next|future|fwd|forward|tomorrow)s?(day|bar|week|hour)?s?(open|high|low|close|price|return|ret|move|change|direction)s?\d*"
    r"|(close|price|return|ret|move|change|direction)s?(next|future|fwd|tomorrow|t?plus1|tp1)(day|bar)?\d*"
    r"|lead\d*|target|label|targets|labels|ytrue|groundtruth"
)
TIME_NAMES = {
    "date", "datetime", "time", "timestamp", "ts", "day", "index", "period", "month", "observationdate", "dateutc",
    "datum", "zeit", "zeitstempel", "uhrzeit", "datumvon", "fecha", "hora", "jour", "heure", "horodatage", "dates",
    "opentime", "starttime", "begin", "start", "startdate", "from", "unix", "unixtime", "unixtimestamp", "epoch",
    "timestampms", "timestampus", "timestampns", "utc", "timeutc", "datetimeutc", "utctime", "gmttime", "localtime",
    "mtu", "deliveryday", "deliverydate", "tradedate", "tradingday", "tradingdate", "pricedate", "businessdate",
    "datetimebeginningutc", "intervalstart", "intervalstarttime", "obstime", "validtime", "messdatum",
    "timeperiod", "valid", "exchangedate", "asofdate", "sessiondate", "dateheure", "fechahora", "bar", "bartime",
    "dateandtime", "datetimestamp", "data", "dataora", "datahora", "ora", "czas", "godzina", "tijd", "datumtijd", "dag",
    "giorno", "dia",
}  # fmt: skip
CLOCK_WORDS = {
    "unix",
    "epoch",
    "timestamp",
    "datetime",
    "date",
    "datum",
    "fecha",
    "uhrzeit",
    "zeitstempel",
    "horodatage",
}
CLOCK = re.compile(  # `close_time` and the like, but no `lead_time`; and what counts rows
    r"(unix|epoch|timestamp|utc|gmt)(time|timestamp|seconds|sec)?(ms|us|ns|s)?|time(ms|us|ns|s|utc|gmt)?"
    r"|(open|close|closing|start|end|begin|ending|event|trade|quote|bar|local|utc|gmt|last|update|updated|kline)+(at)?(time|date|datetime|timestamp)(utc|ms|us|ns)?"
    r"|unnamed\d*|row(num|number|id|index)|level\d+"
)
SYMBOL_NAMES = {
    "symbol", "ticker", "tic", "symbols", "tickers", "name", "stock", "instrument", "code", "asset", "pair", "isin",
    "figi", "ric", "security", "securityid", "permno", "company", "underlying", "contract", "coin", "currencypair",
    "hub", "node", "settlementpoint", "settlementpointname", "pnodename", "area", "biddingzone", "region", "station",
    "stationid", "geo", "geography", "wkn", "id", "gvkey", "secid", "series", "seriesid", "market", "tag",
}  # fmt: skip


HINDSIGHT = "made with later knowledge"


def letters(name: str) -> str:
    """Return a name without case, accents, blanks, dots, underscores and the like: `Adj. Close*` is `adjclose`."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.sub(r"[\W_]+", "", plain).lower()


def meaning(name: str) -> str:
    """Return the letters of a name without its unit and number: `4. close (USD)` and `<CLOSE>` are `close`."""
    bare = re.sub(r"[\[(][^\])]*[\])]", "", name)
    return re.sub(r"^\d+(?=[a-z])", "", letters(bare)) or letters(name)


def unit_in(name: str) -> str:
    """Return the unit that stands in brackets at the end of a name, as in `Price [EUR/MWh]`, or nothing."""
    match = re.search(r"[\[(]([^\])]*)[\])]\W*$", name)
    return match[1].strip() if match is not None else ""


def meanings(names: Sequence[str]) -> dict[str, str]:
    """Return the meaning of each column, without what all price columns begin with: `AAPL.Close` is `close`."""
    found = {name: meaning(name) for name in names}
    heads = [name for name in names if found[name] not in TIME_NAMES]
    shared = _shared_start(heads) if len(heads) > 2 else ""
    cut = max(shared.rfind(sign) for sign in "._ :-") + 1 if shared else 0
    return {name: meaning(name[cut:]) if name in heads else found[name] for name in names}


def _shared_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    return first[: next((place for place, sign in enumerate(first) if last[place : place + 1] != sign), len(first))]


def candidates(role: str, columns: dict[str, str]) -> list[str]:
    """Return the columns that may fill a role, of the best kind of which there is any; more than one is ambiguous.

    Args:
        role: such as `close`.
        columns: the meaning of each.
    """
    for line in RANKED[role]:
        named = [name for name, meant in columns.items() if meant in line]
        if named:
            return named
    return []


def is_of_bar(meant: str) -> bool:
    """Say whether a meaning is one that a price, a volume or an event of a bar may have."""
    return any(meant in line for lines in RANKED.values() for line in lines)


def is_adjusted(name: str) -> bool:
    """Say whether a column is a price or a volume that was adjusted for what happened later."""
    return ADJUSTED.fullmatch(letters(name).replace("back", "")) is not None


def is_adjusted_close(name: str) -> bool:
    """Say whether a column is a close that was adjusted for what happened later."""
    return is_adjusted(name) and re.search("open|high|low|volume|adj(usted)?[ohlv]$", letters(name)) is None


def is_hindsight(name: str) -> bool:
    """Say whether a column was made with later knowledge, or may be: adjusted prices, factors of splits, dividends."""
    plain = letters(name)
    return is_adjusted(name) or any(kind.fullmatch(plain) is not None for kind in (FACTOR, REVISED))


def is_of_later(name: str) -> bool:
    """Say whether a column is named as a price or a return of a later bar, or as what is to be forecast."""
    return LATER.fullmatch(letters(name.replace("+", "plus"))) is not None


def is_clock(name: str) -> bool:
    """Say whether a column tells the time, or counts the rows."""
    words = set(re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name.lower() if name.isupper() else name))
    return bool({word.lower() for word in words} & CLOCK_WORDS) or CLOCK.fullmatch(letters(name)) is not None


def why_no_feature(name: str, meant: str) -> str:
    """Return why a column is no feature whatever stands in it, or nothing.

    Args:
        name: as it is written.
        meant: what it means beside the other columns, see `meanings`.
    """
    if is_hindsight(name) or is_hindsight(meant):
        return HINDSIGHT
    if is_of_later(name):
        return "named as of a later bar"
    if is_clock(name) or is_clock(meant):
        return "a clock"
    return "a price or volume of the bar itself" if meant in ROLES else ""
