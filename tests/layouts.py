"""Files as exchanges, brokers, statistical offices and colleagues write them: one market of 60 bars, in each's way."""

import bz2
import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.rules import DataConfig
from tradewinds.request.validate import build

RNG = np.random.default_rng(7)
CLOSE = np.round(100.0 * np.exp(np.cumsum(RNG.normal(0.0, 0.01, 60))), 2)
OPEN = np.round(CLOSE * (1.0 + RNG.normal(0.0, 0.002, 60)), 2)
DAYS, HOURS = pd.bdate_range("2024-01-01", periods=60), pd.date_range("2024-01-15", periods=60, freq="h")
MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")


@dataclass(frozen=True)
class Bar:
    """One bar: start, prices to two decimals, units traded, and its number."""

    t: pd.Timestamp
    o: float
    h: float
    l: float  # noqa: E741
    c: float
    v: int
    n: int

    @property
    def s(self):
        """Seconds since 1970."""
        return int(self.t.timestamp())


def market(stamps, factor=1.0):
    return [
        Bar(
            stamp,
            round(float(o) * factor, 2),
            round(max(o, c) * factor + 1.0, 2),
            round(min(o, c) * factor - 1.0, 2),
            round(float(c) * factor, 2),
            1463861 + 977 * number,
            number,
        )
        for number, (stamp, o, c) in enumerate(zip(stamps, OPEN, CLOSE, strict=True))
    ]


DAILY, HOURLY, MONTHLY, LARGE = market(DAYS), market(HOURS), market(MONTHS), market(DAYS, 40.0)


def german(number):
    """1.234,56"""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def table(bars, header, row, *, newest_first=False, above="", below="", line="\n"):
    rows = [row(bar) for bar in (bars[::-1] if newest_first else bars)]
    return above + line.join([*([header] if header else []), *rows]) + line + below


@dataclass(frozen=True)
class Case:
    """A file: its content and name, the bars in it, what is to be typed, and the features that are to be read."""

    content: object
    bars: list
    cures: tuple = ()
    features: tuple = ()
    file: str = "bars.csv"
    says: str = ""


US = "series.time_zone=UTC"
NY = "series.time_zone=America/Chicago"


def iso(bar):
    return f"{bar.t:%Y-%m-%d}"


def ohlcv(bar):
    return f"{bar.o},{bar.h},{bar.l},{bar.c},{bar.v}"


def stacked(by_ticker, first, second, third):
    """Two tickers under two lines of names, as pandas writes them."""
    fields, tickers = ["Close", "High", "Low", "Open", "Volume"], ["AAA", "BBB"]
    pairs = [(f, t) for t in tickers for f in fields] if by_ticker else [(f, t) for f in fields for t in tickers]
    cells = {
        (f, t): [getattr(bar, {"Volume": "v"}.get(f, f[0].lower())) for bar in market(DAYS, 1.0 if t == "AAA" else 3.0)]
        for f, t in pairs
    }
    one, two = [f for f, _ in pairs], [t for _, t in pairs]
    if by_ticker:
        one, two = two, one
    rows = [f"{day:%Y-%m-%d}," + ",".join(str(cells[pair][n]) for pair in pairs) for n, day in enumerate(DAYS)]
    return "\n".join([f"{first},{','.join(one)}", f"{second},{','.join(two)}", third + "," * len(pairs), *rows]) + "\n"


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name if "." in name else name.replace("_", "-") + ".csv", text)
    return buffer.getvalue()


def frame(bars, index="Date"):
    rows = [{"Open": b.o, "High": b.h, "Low": b.l, "Close": b.c, "Volume": b.v} for b in bars]
    return pd.DataFrame(rows, index=pd.DatetimeIndex([b.t for b in bars], name=index))


def written(how, bars=DAILY, **options):
    buffer = io.BytesIO()
    made = frame(bars)
    getattr(made.reset_index() if how == "to_feather" else made, how)(buffer, **options)
    return buffer.getvalue()


def of_two(how="to_parquet", *, beside=False, prices_first=False):
    """Two tickers beside one another, under two levels of names, or below one another, by two levels of index."""
    frames = {"AAA": frame(DAILY), "BBB": frame(market(DAYS, 3.0))}
    both = pd.concat(frames, axis=1) if beside else pd.concat(frames, names=["Ticker", "Date"])
    both = both.swaplevel(axis=1).sort_index(axis=1) if prices_first else both
    buffer = io.BytesIO()
    getattr(both.reset_index() if how == "to_feather" else both, how)(buffer)
    return buffer.getvalue()


def sheet(rows_above=0, more=()):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for number in range(rows_above):
        book.active.append([f"Prices of a company, {number}"])
    book.active.append(["Date", "Open", "High", "Low", "Close", "Volume"])
    for bar in DAILY:
        book.active.append([bar.t.to_pydatetime(), bar.o, bar.h, bar.l, bar.c, bar.v])
    for title, rows in more:
        book.create_sheet(title)
        for row in rows:
            book[title].append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


PLAIN = table(DAILY, "Date,Open,High,Low,Close,Volume", lambda b: f"{iso(b)},{ohlcv(b)}")
KLINE = "{t},{b.o},{b.h},{b.l},{b.c},{b.v},{e},{q},{k},1.5,2.5,0"


def klines(unit, change=None):
    def row(b):
        scale = unit if change is None or b.n < 30 else change
        return KLINE.format(b=b, t=b.s * scale, e=(b.s + 3600) * scale - 1, q=b.v * 2 + b.n % 7, k=40 + b.n % 5)

    return row


def half_day(b):
    return f"{b.t:%m/%d/%Y %I:%M:%S %p}"


NAMES = "series.names=[date,time,open,high,low,close,volume]"

WINTER = pd.date_range("2024-03-29", periods=60, freq="h")  # over a night in which Europe's clocks skip an hour
OF_UTC = pd.date_range("2024-10-26", periods=60, freq="h", tz="UTC").tz_convert("Europe/Berlin")

CASES = {
    "stooq": Case(PLAIN, DAILY),
    "stooq archive": Case(
        table(
            DAILY,
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            lambda b: f"AAPL.US,D,{b.t:%Y%m%d},000000,{ohlcv(b)},0",
        ),
        DAILY,
    ),
    "yahoo download": Case(
        table(
            DAILY,
            "Date,Open,High,Low,Close,Adj Close,Volume",
            lambda b: f"{iso(b)},{b.o},{b.h},{b.l},{b.c},{b.c},{b.v}",
        ),
        DAILY,
    ),
    "yahoo's page": Case(
        table(
            DAILY,
            "Date\tOpen\tHigh\tLow\tClose\tAdj Close\tVolume",
            lambda b: f"{b.t:%b %d, %Y}\t{b.o:.2f}\t{b.h:.2f}\t{b.l:.2f}\t{b.c:.2f}\t{b.c:.2f}\t{b.v:,}",
            newest_first=True,
        ),
        DAILY,
    ),
    "yfinance, one ticker": Case(
        "Price,Open,High,Low,Close,Volume\nTicker" + ",AAPL" * 5 + "\nDate,,,,,\n" + PLAIN.split("\n", 1)[1], DAILY
    ),
    "yfinance, two tickers": Case(stacked(False, "Price", "Ticker", "Date"), DAILY, ("series.symbol=AAA",)),
    "yfinance, by ticker": Case(stacked(True, "Ticker", "Price", "Date"), DAILY, ("series.symbol=AAA",)),
    "yfinance, before 0.2": Case(stacked(False, "", "", "Date"), DAILY, ("series.symbol=AAA",)),
    "pandas-datareader": Case(stacked(False, "Attributes", "Symbols", "Date"), DAILY, ("series.symbol=AAA",)),
    "investing.com": Case(
        table(
            LARGE,
            '"Date","Price","Open","High","Low","Vol.","Change %"',
            lambda b: (
                f'"{b.t:%m/%d/%Y}","{b.c:,.2f}","{b.o:,.2f}","{b.h:,.2f}","{b.l:,.2f}","1.4{b.n % 10}M","0.{b.n:02}%"'
            ),
            newest_first=True,
        ),
        LARGE,
        features=("Change %",),
        says="Price is read as close, Vol. is read as volume",
    ),
    "investing.com, German": Case(
        "\ufeff"
        + table(
            LARGE,
            '"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"',
            lambda b: (
                f'"{b.t:%d.%m.%Y}","{german(b.c)}","{german(b.o)}","{german(b.h)}","{german(b.l)}",'
                f'"1,4{b.n % 10}M","0,{b.n:02}%"'
            ),
            newest_first=True,
        ),
        LARGE,
        features=("+/- %",),
        says="Zuletzt is read as close",
    ),
    "investing.com, French": Case(
        table(
            LARGE,
            '"Date","Dernier","Ouv."," Plus Haut","Plus Bas","Vol.","Variation %"',
            lambda b: (
                f'"{b.t:%d/%m/%Y}","{german(b.c)}","{german(b.o)}","{german(b.h)}","{german(b.l)}","","0,{b.n:02}%"'
            ),
            newest_first=True,
        ),
        LARGE,
        features=("Variation %",),
        says="Dernier is read as close",
    ),
    "investing.com, Spanish": Case(
        table(
            LARGE,
            '"Fecha","Último","Apertura","Máximo","Mínimo","% var."',
            lambda b: f'"{b.t:%d.%m.%Y}","{german(b.c)}","{german(b.o)}","{german(b.h)}","{german(b.l)}","0,{b.n:02}%"',
        ),
        LARGE,
        features=("% var.",),
        says="Último is read as close",
    ),
    "investing.com, Italian": Case(
        table(DAILY, "Data;Ultimo;Apertura;Massimo;Minimo", lambda b: f"{b.t:%d.%m.%Y};{b.c};{b.o};{b.h};{b.l}"), DAILY
    ),
    "investing.com, Portuguese": Case(
        table(DAILY, "Data;Último;Abertura;Máxima;Mínima", lambda b: f"{b.t:%d.%m.%Y};{b.c};{b.o};{b.h};{b.l}"), DAILY
    ),
    "stooq, Polish": Case(
        table(DAILY, "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", lambda b: f"{iso(b)},{ohlcv(b)}"), DAILY
    ),
    "investing.com, Dutch": Case(
        table(DAILY, "Datum;Laatste;Open;Hoog;Laag", lambda b: f"{b.t:%d-%m-%Y};{b.c};{b.o};{b.h};{b.l}"), DAILY
    ),
    "nasdaq": Case(
        table(
            LARGE,
            "Date,Close/Last,Volume,Open,High,Low",
            lambda b: f'{b.t:%m/%d/%Y},"${b.c:,.2f}",{b.v},"${b.o:,.2f}","${b.h:,.2f}","${b.l:,.2f}"',
            newest_first=True,
        ),
        LARGE,
        says="Close/Last is read as close",
    ),
    "alpha vantage, intraday": Case(
        table(HOURLY, "timestamp,open,high,low,close,volume", lambda b: f"{b.t},{ohlcv(b)}", newest_first=True),
        HOURLY,
        (US,),
    ),
    "alpha vantage, numbered names": Case(
        table(DAILY, "date,1. open,2. high,3. low,4. close,5. volume", lambda b: f"{iso(b)},{ohlcv(b)}"), DAILY
    ),
    "alpha vantage, adjusted": Case(
        table(
            DAILY,
            "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
            lambda b: f"{iso(b)},{b.o},{b.h},{b.l},{b.c},{b.c},{b.v},0.0000,1.0",
            newest_first=True,
        ),
        DAILY,
    ),
    "polygon, flat files": Case(
        table(
            HOURLY,
            "ticker,volume,open,close,high,low,window_start,transactions",
            lambda b: f"AAPL,{b.v},{b.o},{b.c},{b.h},{b.l},{b.s * 10**9},{50 + b.n % 9}",
        ),
        HOURLY,
        features=("transactions",),
    ),
    "polygon, aggregates": Case(
        table(
            HOURLY,
            "v,vw,o,c,h,l,t,n",
            lambda b: f"{b.v},{b.c + 0.01:.2f},{b.o},{b.c},{b.h},{b.l},{b.s * 1000},{50 + b.n % 9}",
        ),
        HOURLY,
        features=("vw", "n"),
    ),
    "kraken": Case(table(HOURLY, "", lambda b: f"{b.s},{ohlcv(b)},{40 + b.n % 5}"), HOURLY, features=("trades",)),
    "coinbase": Case(
        table(HOURLY, "time,low,high,open,close,volume", lambda b: f"{b.s},{b.l},{b.h},{b.o},{b.c},{b.v}"), HOURLY
    ),
    "bitstamp": Case(table(HOURLY, "timestamp,open,high,low,close,volume", lambda b: f"{b.s},{ohlcv(b)}"), HOURLY),
    "cryptodatadownload": Case(
        table(
            HOURLY,
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
            lambda b: f"{b.s}.0,{b.t},BTC/USD,{ohlcv(b)},{b.v * 3}",
            newest_first=True,
            above="https://www.CryptoDataDownload.com\n",
        ),
        HOURLY,
        features=("Volume BTC", "Volume USD"),
        says="line 1 stands above the header",
    ),
    "cryptodatadownload, as it was": Case(
        table(
            HOURLY,
            "Date,Symbol,Open,High,Low,Close,Volume",
            lambda b: f"{b.t:%Y-%m-%d %I-%p},BTCUSD,{ohlcv(b)}",
            newest_first=True,
            above="https://www.CryptoDataDownload.com\n",
        ),
        HOURLY,
        (US,),
    ),
    "binance, milliseconds": Case(
        table(HOURLY, "", klines(1000)), HOURLY, features=("quote_volume", "trades"), says="has no header"
    ),
    "binance, from milliseconds to microseconds": Case(
        table(HOURLY, "", klines(1000, 10**6)), HOURLY, features=("quote_volume", "trades")
    ),
    "binance, futures": Case(
        table(
            HOURLY,
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
            klines(1000),
        ),
        HOURLY,
        features=("quote_volume", "count"),
    ),
    "dukascopy": Case(
        table(HOURLY, "Gmt time,Open,High,Low,Close,Volume", lambda b: f"{b.t:%d.%m.%Y %H:%M:%S}.000,{ohlcv(b)}"),
        HOURLY,
        says="says that its times are of UTC",
    ),
    "tradingview": Case(
        table(
            HOURLY,
            "time,open,high,low,close,Volume",
            lambda b: f"{b.t + pd.Timedelta(hours=1):%Y-%m-%dT%H:%M:%S}+01:00,{ohlcv(b)}",
        ),
        HOURLY,
    ),
    "tradingview, unix": Case(
        table(HOURLY, "time,open,high,low,close,Volume MA", lambda b: f"{b.s},{ohlcv(b)}"),
        HOURLY,
        features=("Volume MA",),
    ),
    "metatrader 4": Case(table(HOURLY, "", lambda b: f"{b.t:%Y.%m.%d,%H:%M},{ohlcv(b)}"), HOURLY, (NAMES, US)),
    "metatrader 5, daily": Case(
        table(
            DAILY,
            "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            lambda b: f"{b.t:%Y.%m.%d}\t{b.o}\t{b.h}\t{b.l}\t{b.c}\t{b.v}\t0\t{2 + b.n % 3}",
        ),
        DAILY,
        features=("SPREAD",),
        says="TICKVOL is read as volume",
    ),
    "histdata": Case(
        table(HOURLY, "", lambda b: f"{b.t:%Y%m%d %H%M%S};{b.o:.6f};{b.h:.6f};{b.l:.6f};{b.c:.6f};{b.v}"),
        HOURLY,
        ("series.names=[time,open,high,low,close,volume]", US),
    ),
    "fred": Case(
        table(DAILY, "observation_date,DCOILWTICO", lambda b: f"{iso(b)},{b.c}"),
        DAILY,
        says="DCOILWTICO is read as close",
    ),
    "ecb": Case(
        table(
            DAILY,
            '"KEY","FREQ","CURRENCY","TIME_PERIOD","OBS_VALUE","OBS_STATUS","TITLE"',
            lambda b: f'"EXR.D.USD","D","USD","{iso(b)}","{b.c}","A","US dollar/Euro"',
        ),
        DAILY,
    ),
    "ecb, by series": Case(
        table(
            DAILY,
            '"DATE","TIME PERIOD","US dollar/Euro (EXR.D.USD.EUR.SP00.A)"',
            lambda b: f'"{iso(b)}","{b.t:%d %b %Y}","{b.c}"',
        ),
        DAILY,
    ),
    "eurostat": Case(
        table(
            MONTHLY,
            "DATAFLOW,LAST UPDATE,freq,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG",
            lambda b: f"ESTAT:PRC(1.0),05/01/24 23:00:00,M,I15,DE,{b.t:%Y-%m},{b.c},",
        ),
        MONTHLY,
    ),
    "a month by name": Case(table(MONTHLY, "Month;Value", lambda b: f"{b.t:%b %Y};{b.c}"), MONTHLY),
    "a month of SDMX": Case(table(MONTHLY, "TIME,VALUE", lambda b: f"{b.t:%Y}M{b.t:%m},{b.c}"), MONTHLY),
    "smard": Case(
        table(
            HOURLY,
            "Datum von;Datum bis;Deutschland/Luxemburg [€/MWh] Originalauflösungen",
            lambda b: f"{b.t:%d.%m.%Y %H:%M};{b.t + pd.Timedelta(hours=1):%d.%m.%Y %H:%M};{german(b.c)}",
        ),
        HOURLY,
        (US,),
    ),
    "nord pool": Case(
        table(
            HOURLY,
            "Date;Hours;SYS",
            lambda b: f"{b.t:%d-%m-%Y};{b.t:%H} - {b.t + pd.Timedelta(hours=1):%H};{german(b.c)}",
        ),
        HOURLY,
        (US,),
    ),
    "pjm": Case(
        table(
            HOURLY,
            "datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,total_lmp_da",
            lambda b: (
                ",".join([f"{b.t.month}/{b.t.day}/{b.t.year} {b.t:%I:%M:%S %p}"] * 2) + f",51217,WESTERN HUB,{b.c}"
            ),
        ),
        HOURLY,
    ),
    "ercot": Case(
        table(
            HOURLY,
            "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag",
            lambda b: "\n".join(
                f"{b.t:%m/%d/%Y},{b.t.hour + 1:02}:00,{point},{price},N"
                for point, price in (("HB_A", b.c), ("HB_B", b.h))
            ),
        ),
        HOURLY,
        ("series.symbol=HB_A", US),
    ),
    "energy charts": Case(
        table(HOURLY, '"Datum (UTC)","Day Ahead Auktion (EUR/MWh)"', lambda b: f'"{b.t:%Y-%m-%dT%H:%M}+00:00","{b.c}"'),
        HOURLY,
    ),
    "entso-e, new": Case(
        table(
            HOURLY,
            '"MTU (UTC)","Area","Sequence","Day-ahead Price (EUR/MWh)"',
            lambda b: (
                f'"{b.t:%d/%m/%Y %H:%M:%S} - {b.t + pd.Timedelta(hours=1):%d/%m/%Y %H:%M:%S}","BZN|NO2",'
                f'"Without Sequence","{b.c}"'
            ),
        ),
        HOURLY,
    ),
    "refinitiv": Case(
        table(
            DAILY,
            "Exchange Date,Close,Net,%Chg,Open,Low,High,Volume",
            lambda b: f"{b.t:%d-%b-%Y},{b.c},{b.n % 5 - 2},{b.n % 7}.5%,{b.o},{b.l},{b.h},{b.v}",
            newest_first=True,
        ),
        DAILY,
        features=("Net", "%Chg"),
    ),
    "bloomberg": Case(
        table(
            DAILY,
            "Date,PX_LAST,PX_OPEN,PX_HIGH,PX_LOW,PX_VOLUME",
            lambda b: f"{b.t:%m/%d/%Y},{b.c},{b.o},{b.h},{b.l},{b.v}",
            above="Security,SPX Index\nStart Date,01/01/2024\nCurrency,USD\n\n",
        ),
        DAILY,
        says="PX_LAST is read as close",
    ),
    "quandl": Case(
        table(
            DAILY,
            "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,"
            "Adj. Open,Adj. High,Adj. Low,Adj. Close,Adj. Volume",
            lambda b: f"{iso(b)},{ohlcv(b)},0.0,1.0,{b.o / 2},{b.h / 2},{b.l / 2},{b.c / 2},{b.v * 2}",
        ),
        DAILY,
    ),
    "iex": Case(
        table(
            DAILY,
            "date,open,high,low,close,volume,unadjustedVolume,change,changePercent,vwap,label,changeOverTime",
            lambda b: f"{iso(b)},{ohlcv(b)},{b.v},0.{b.n},{b.n}.1,{b.c + 0.01:.2f},x{b.n},{b.n}",
        ),
        DAILY,
        features=("unadjustedVolume", "change", "changePercent", "vwap"),
    ),
    "interactive brokers": Case(
        table(
            HOURLY,
            "date,open,high,low,close,volume,average,barCount",
            lambda b: f"{b.t:%Y%m%d  %H:%M:%S},{ohlcv(b)},{b.c},{9 + b.n % 4}",
        ),
        HOURLY,
        (NY,),
        features=("average", "barCount"),
    ),
    "tiingo": Case(
        table(
            DAILY,
            "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor",
            lambda b: f"{iso(b)}T00:00:00.000Z,{b.c},{b.h},{b.l},{b.o},{b.v},{b.c},{b.h},{b.l},{b.o},{b.v},0.0,1.0",
        ),
        DAILY,
    ),
    "eod historical data": Case(
        table(
            DAILY,
            "Date,Open,High,Low,Close,Adjusted_close,Volume",
            lambda b: f"{iso(b)},{b.o},{b.h},{b.l},{b.c},{b.c},{b.v}",
        ),
        DAILY,
    ),
    "crsp": Case(
        table(DAILY, "PERMNO,date,PRC,VOL,CFACPR", lambda b: f"10107,{b.t:%Y%m%d},{b.c},{b.v},{4 - b.n // 30}"),
        DAILY,
    ),
    "quantmod": Case(
        table(
            DAILY,
            '"","AAPL.Open","AAPL.High","AAPL.Low","AAPL.Close","AAPL.Volume","AAPL.Adjusted"',
            lambda b: f'"{iso(b)}",{ohlcv(b)},{b.c}',
        ),
        DAILY,
    ),
    "a table of R": Case(table(DAILY, "open,high,low,close", lambda b: f"{iso(b)},{b.o},{b.h},{b.l},{b.c}"), DAILY),
    "a table of blanks": Case(
        table(DAILY, "date    open   close", lambda b: f"{iso(b)}  {b.o:7.2f}  {b.c:7.2f}"), DAILY
    ),
    "pandas with its row numbers": Case(table(DAILY, ",date,close", lambda b: f"{b.n},{iso(b)},{b.c}"), DAILY),
    "pandas with a zone of two offsets": Case(
        table(
            HOURLY,
            "Datetime,Close",
            lambda b: (
                f"{b.t + pd.Timedelta(hours=-5 if b.n < 30 else -4):%Y-%m-%d %H:%M:%S}-0{5 if b.n < 30 else 4}:00,{b.c}"
            ),
        ),
        HOURLY,
    ),
    "polars": Case(table(HOURLY, "ts,close", lambda b: f"{b.t:%Y-%m-%dT%H:%M:%S}.000000Z,{b.c}"), HOURLY),
    "ariva": Case(
        table(
            DAILY,
            "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen",
            lambda b: f"{iso(b)};{german(b.o)};{german(b.h)};{german(b.l)};{german(b.c)};{b.v};{b.v * 90}",
        ),
        DAILY,
        features=("Stuecke", "Volumen"),
        says="Schlusskurs is read as close",
    ),
    "onvista, as Windows writes it": Case(
        table(
            DAILY,
            "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen",
            lambda b: f"{b.t:%d.%m.%Y};{german(b.o)};{german(b.h)};{german(b.l)};{german(b.c)};{b.v}",
            line="\r\n",
        ).encode("cp1252"),
        DAILY,
        says="Eröffnung is read as open",
    ),
    "euronext": Case(
        table(
            DAILY,
            "Date;Open;High;Low;Last;Close;Number of Shares",
            lambda b: f"{b.t:%d/%m/%Y};{b.o};{b.h};{b.l};{b.c};{b.c};{b.v}",
            newest_first=True,
            above="Historical Data\nFrom 2024-01-01 to 2024-03-22\nFR0000120271\n",
        ),
        DAILY,
        features=("Last", "Number of Shares"),
    ),
    "barchart": Case(
        table(
            DAILY,
            "Time,Open,High,Low,Latest,Change,Volume",
            lambda b: f"{b.t:%m/%d/%Y},{b.o},{b.h},{b.l},{b.c},{b.n % 5},{b.v}",
            newest_first=True,
            below='"Downloaded from Barchart.com as of 03-25-2024 02:00am CDT"\n',
        ),
        DAILY,
        features=("Change",),
        says="is no row and is not read",
    ),
    "nse": Case(
        table(
            LARGE,
            '"Date ","series ","OPEN ","HIGH ","LOW ","PREV. CLOSE ","close ","VOLUME "',
            lambda b: (
                f'"{b.t:%d-%b-%Y}","EQ","{b.o:,.2f}","{b.h:,.2f}","{b.l:,.2f}","{b.c + b.n % 3:,.2f}",'
                f'"{b.c:,.2f}","{b.v:,}"'
            ),
            newest_first=True,
        ),
        LARGE,
        features=("PREV. CLOSE",),
    ),
    "tushare": Case(
        table(
            DAILY,
            "ts_code,trade_date,open,high,low,close,vol",
            lambda b: f"000001.SZ,{b.t:%Y%m%d},{ohlcv(b)}",
            newest_first=True,
        ),
        DAILY,
    ),
    "a company's halted days": Case(
        table(
            DAILY,
            "date,code,open,high,low,close,volume",
            lambda b: f"{iso(b)},sh.600000,0.0,0.0,0.0,{b.c},0" if b.n % 20 == 7 else f"{iso(b)},sh.600000,{ohlcv(b)}",
        ),
        DAILY,
        says="in 3 bars open, high and low are 0",
    ),
    "two companies": Case(
        table(DAILY, "date,firm,close", lambda b: f"{iso(b)},Alpha,{b.c}\n{iso(b)},Beta,{b.h}"),
        DAILY,
        ("series.symbol=Alpha",),
    ),
    "AM and PM": Case(table(HOURLY, "Date,Close", lambda b: f"{half_day(b)},{b.c}"), HOURLY, (US,)),
    "date and time apart, German": Case(
        table(HOURLY, "Datum;Uhrzeit;Schluss", lambda b: f"{b.t:%Y-%m-%d};{b.t:%H:%M};{german(b.c)}"), HOURLY, (US,)
    ),
    "date and HHMM apart": Case(
        table(HOURLY, "Date,Time,Close", lambda b: f"{b.t:%Y%m%d},{b.t:%H%M},{b.c}"), HOURLY, (US,)
    ),
    "hours from 1 to 24": Case(
        table(HOURLY, "date,hour,price", lambda b: f"{iso(b)},{b.t.hour + 1},{b.c}"),
        HOURLY,
        (US,),
        says="counts the hours from 1",
    ),
    "a zone in each cell": Case(
        table(HOURLY, "Date,Open,High,Low,Close,Volume", lambda b: f"{b.t:%Y%m%d %H:%M:%S} Etc/UTC,{ohlcv(b)}"), HOURLY
    ),
    "the end of the hour": Case(
        table(HOURLY, "date,price", lambda b: f"{iso(b)} {b.t.hour + 1:02}:00,{b.c}"),
        HOURLY,
        (US,),
        says="a day ends at 24:00",
    ),
    "year, month, day and hour apart": Case(
        table(HOURLY, "year,month,day,hour,close", lambda b: f"{b.t.year},{b.t.month},{b.t.day},{b.t.hour},{b.c}"),
        HOURLY,
        (US,),
    ),
    "year and month apart": Case(
        table(MONTHLY, "year,month,price", lambda b: f"{b.t.year},{b.t.month},{b.c}"), MONTHLY
    ),
    "intervals of ISO 8601": Case(
        table(
            HOURLY,
            "interval,price",
            lambda b: f"{b.t:%Y-%m-%dT%H:%MZ}/{b.t + pd.Timedelta(hours=1):%Y-%m-%dT%H:%MZ},{b.c}",
        ),
        HOURLY,
    ),
    "a date and an interval of the day": Case(
        table(
            HOURLY, "Zeit;Preis", lambda b: f"{b.t:%d.%m.%Y %H:%M}-{(b.t + pd.Timedelta(hours=1)):%H:%M};{german(b.c)}"
        ),
        HOURLY,
        (US,),
    ),
    "intervals up to 24:00": Case(
        table(HOURLY, "Zeit;Preis", lambda b: f"{b.t:%Y-%m-%d %H:%M}-{b.t.hour + 1:02}:00;{german(b.c)}"),
        HOURLY,
        (US,),
    ),
    "Excel's Unicode text": Case(PLAIN.replace(",", "\t").encode("utf-16"), DAILY, file="bars.txt"),
    "Excel's CSV in Germany": Case(
        b"\xef\xbb\xbf" + table(DAILY, "Datum;Kurs;", lambda b: f"{b.t:%d.%m.%Y};{german(b.c)} €;").encode(), DAILY
    ),
    "Swiss thousands": Case(table(LARGE, "Date;Close", lambda b: f"{iso(b)};{b.c:,.2f}".replace(",", "'")), LARGE),
    "a source below": Case(PLAIN + "\nSource: Börse,,,,,\n", DAILY, says="row 63: 'Source: Börse' is no row"),
    "an average below": Case(PLAIN + "\nAverage,101.2,102.3,100.1,101.5,1500000\n", DAILY, says="'Average 101.2 102.3"),
    "a word below": Case(PLAIN + "\nTotal\n", DAILY, says="row 63, 'Total' is no row"),
    "a short average below": Case(PLAIN + "\nAverage,101.2\nStand: 2024\n", DAILY, says="row 63, 'Average'"),
    "nothing below": Case(PLAIN + ",,,,,\n", DAILY, says="row 62: '' is no row"),
    "a source and an average below": Case(PLAIN + "\nSource: X\nMean,1,1,1,1,1\n", DAILY, says="row 64, 'Mean'"),
    "two lines below": Case(
        PLAIN + "\nMax 2024,1,1,1,1,1\nMin 2024,1,1,1,1,1\n", DAILY, says="row 64: 'Min 2024 1 1 1 1 1' is no row"
    ),
    "comments above": Case("# made by hand\n# in 2024\n" + PLAIN, DAILY, says="lines 1 to 2 stand above the header"),
    "a line of units": Case(
        table(DAILY, "date,close,load\n,EUR,MW", lambda b: f"{iso(b)},{b.c},{b.v}"), DAILY, features=("load",)
    ),
    "Excel's line about the separator": Case("sep=;\n" + PLAIN.replace(",", ";"), DAILY),
    "companies by numbers": Case(
        table(DAILY, "date,firmno,close", lambda b: f"{iso(b)},17,{b.c}\n{iso(b)},23,{b.h}"),
        DAILY,
        ("series.symbol=17",),
    ),
    "coinmarketcap": Case(
        table(
            HOURLY,
            "timeOpen;timeClose;timeHigh;open;high;low;close;volume;marketCap;timestamp",
            lambda b: (
                f'"{b.t:%Y-%m-%dT%H:%M:%S.000Z}";"{b.t:%Y-%m-%dT%H:59:59.999Z}";"{b.t:%Y-%m-%dT%H:01:%S.000Z}";'
                f'{b.o};{b.h};{b.l};{b.c};{b.v};{b.v * 3};"{b.t:%Y-%m-%dT%H:59:59.999Z}"'
            ),
            newest_first=True,
        ),
        HOURLY,
        features=("marketCap",),
    ),
    "okx": Case(
        table(
            HOURLY,
            "instrument_name,open,high,low,close,vol,vol_quote,open_time,confirm",
            lambda b: f"BTC-USDT,{ohlcv(b)},{b.v * 3},{b.s * 1000},1",
        ),
        HOURLY,
        features=("vol_quote",),
    ),
    "mail": Case(table(HOURLY, "time,close", lambda b: f'"{b.t:%a, %d %b %Y %H:%M:%S} +0000",{b.c}'), HOURLY),
    "months in French": Case(
        table(
            DAILY,
            "Date;Clôture",
            lambda b: f"{b.t.day} {('janv.', 'févr.', 'mars')[b.t.month - 1]} {b.t.year};{german(b.c)}",
        ),
        DAILY,
    ),
    "codes of currency": Case(table(DAILY, "Date,Close", lambda b: f"{iso(b)},USD {b.c}"), DAILY),
    "a point of MetaTrader before three decimals": Case(
        table(DAILY, "<DATE>\t<CLOSE>", lambda b: f"{b.t:%Y.%m.%d}\t{b.c:.3f}"), DAILY
    ),
    "columns of two currencies": Case(
        table(DAILY, "Date,Close (USD),Close (EUR)", lambda b: f"{iso(b)},{b.c},{b.h}"),
        DAILY,
        ("'series.close=\"Close (USD)\"'",),
    ),
    "gzipped": Case(gzip.compress(PLAIN.encode()), DAILY, file="bars.csv.gz"),
    "bzipped": Case(bz2.compress(PLAIN.encode()), DAILY, file="bars.csv.bz2"),
    "in xz": Case(lzma.compress(PLAIN.encode()), DAILY, file="bars.csv.xz"),
    "a zip with more than rows": Case(
        zipped(bars=PLAIN, **{"README.txt": "Prices, made\nby hand", "notes.md": "-", "a.json": "{}"}),
        DAILY,
        file="bars.zip",
        says="README.txt, notes.md, a.json beside the files of rows are not read",
    ),
    "zipped": Case(zipped(bars=PLAIN), DAILY, file="bars.zip"),
    "a zip of two files": Case(
        zipped(
            a=table(DAILY[:30], "date,close", lambda b: f"{iso(b)},{b.c}"),
            b=table(DAILY[30:], "date,close", lambda b: f"{iso(b)},{b.c}"),
        ),
        DAILY,
        file="bars.zip",
    ),
    "parquet of pandas": Case(written("to_parquet"), DAILY, file="bars.parquet"),
    "feather": Case(written("to_feather"), DAILY, file="bars.feather"),
    "parquet by ticker": Case(of_two(beside=True), DAILY, ("series.symbol=AAA",), file="bars.parquet"),
    "parquet by price": Case(
        of_two(beside=True, prices_first=True), DAILY, ("series.symbol=AAA",), file="bars.parquet"
    ),
    "feather by ticker": Case(of_two("to_feather", beside=True), DAILY, ("series.symbol=AAA",), file="bars.feather"),
    "feather of two levels of rows": Case(of_two("to_feather"), DAILY, ("series.symbol=AAA",), file="bars.feather"),
    "parquet of two levels of rows": Case(of_two(), DAILY, ("series.symbol=AAA",), file="bars.parquet"),
    "excel": Case(lambda: sheet(), DAILY, file="bars.xlsx"),
    "excel with a sheet of words": Case(
        lambda: sheet(more=[("About", [["Source", "a company"], ["Mean", 1234.5], ["Rows", 60]])]),
        DAILY,
        file="bars.xlsx",
        says="the sheet Sheet is read, and not About",
    ),
    "excel of two tables": Case(
        lambda: sheet(more=[("Year 2025", [["Date", "Close"], ["2025-01-01", 3.0], ["2025-01-02", 4.0]])]),
        DAILY,
        ("series.sheet=Sheet",),
        file="bars.xlsx",
    ),
    "excel with lines above": Case(lambda: sheet(3), DAILY, file="bars.xlsx"),
}


def typed(words):
    """Return options as the command line reads them."""
    parsed = [OverridesParser.create().parse_override(word) for word in words]
    return {override.key_or_group.removeprefix("series."): override.value() for override in parsed}


def config_of(path, words):
    options = {name: list(value) if isinstance(value, list) else value for name, value in typed(words).items()}
    return build(FileConfig, {"kind": "csv", "path": str(path), **options}, path="series")


def load(path, *words, repair=()):
    return load_series(config_of(path, words), NoWeather(), DataConfig(repair=repair, accept_jumps=True))
