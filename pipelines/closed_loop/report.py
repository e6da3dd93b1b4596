"""The closed loop's report: its figures, its table by day, and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.closed_loop.arm_day import ArmDay
from pipelines.reporting.figure import Figure

Arms = Mapping[str, Sequence[ArmDay]]
COLOURS: Final = {"explored": "#1f5fa8", "unexplored": "#b3261e"}
COLUMNS: Final = (
    "day", "visits", "shown", "clicks", "conv.", "hides", "spend", "calibration", "by lot", "value", "oracle", "regret", "95 %", "explored",
    "champion",
)  # fmt: skip


def figures(arms: Arms) -> list[Figure]:
    """Over all days of each arm, and of its last third: what is left once it has learned."""
    out = []
    for name, days in arms.items():
        for what, part in (("", days), ("late_", days[-max(len(days) // 3, 1) :])):
            value, best = (sum(getattr(d, column) for d in part) for column in ("value_micros", "best_micros"))
            out.append(Figure(f"{name}.{what}regret_share", 1 - value / best if best else None, "share"))
            promised = [(d.calibration, d.shown) for d in part if d.calibration is not None]
            ratio = float(np.average([c for c, _ in promised], weights=[n for _, n in promised])) if promised else None
            out.append(Figure(f"{name}.{what}calibration_ratio", ratio, "ratio"))
        for what in ("visits", "shown", "spend_micros"):
            out.append(Figure(f"{name}.{what}", sum(getattr(d, what) for d in days), "micros" if what == "spend_micros" else what))
        out += [Figure(f"{name}.{kind}s", sum(d.events.get(kind, 0) for d in days), "events") for kind in ("click", "conversion", "hide")]
        out.append(Figure(f"{name}.promotions", sum(len(d.promoted) for d in days), "versions"))
    return out


def lines(arms: Arms) -> list[str]:
    """A table an arm, a line a day."""
    out = []
    for name, days in arms.items():
        rows = [COLUMNS, *(_cells(day) for day in days)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
        out.append(f"[bold]{name}[/]")
        out += ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return out


def _cells(day: ArmDay) -> tuple[str, ...]:
    share, low, high = ("-" if x is None else f"{x:.1%}" for x in (day.regret_share, day.regret_low, day.regret_high))
    counts = (f"{n:,}" for n in (day.visits, day.shown, *(day.events.get(kind, 0) for kind in ("click", "conversion", "hide"))))
    ratios = ("-" if x is None else f"{x:.3f}" for x in (day.calibration, day.calibration_by_lot))
    value, best = (f"{micros / 1e6:,.2f}" for micros in (day.value_micros, day.best_micros))
    champions = " ".join(f"{head} {version or 'none'}{'*' if head in day.promoted else ''}" for head, version in day.champion.items())
    spend, explored = f"{day.spend_micros / 1e6:,.2f}", f"{day.explored_share:.1%}"
    return (day.day, *counts, spend, *ratios, value, best, share, f"{low} to {high}", explored, champions)


def picture(arms: Arms) -> bytes:
    """PNG: by day and arm the regret with its intervals, the calibration of what was served, and clicks per thousand ads shown."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(8.0, 8.0), layout="constrained")
    FigureCanvasAgg(drawing)
    regret, calibration, clicks = drawing.subplots(3, 1, sharex=True)
    for i, (name, days) in enumerate(arms.items()):
        at = [date.fromisoformat(d.day).toordinal() + 0.12 * i for d in days]
        style: dict[str, Any] = {"color": COLOURS.get(name), "marker": "o", "markersize": 4, "linewidth": 1.2, "label": name}
        share = np.array([np.nan if d.regret_share is None else 100 * d.regret_share for d in days])
        ends = [
            np.array([np.nan if x is None else 100 * x for x in column])
            for column in ([d.regret_low for d in days], [d.regret_high for d in days])
        ]
        regret.errorbar(at, share, np.maximum([share - ends[0], ends[1] - share], 0), capsize=2, **style)
        calibration.plot(at, [np.nan if d.calibration is None else d.calibration for d in days], **style)
        clicks.plot(at, [1000 * d.events.get("click", 0) / max(d.shown, 1) for d in days], **style)
        promoted = [n for n, d in enumerate(days) if "click" in d.promoted]
        regret.plot([at[n] for n in promoted], share[promoted], linestyle="", marker="^", markersize=9, color=COLOURS.get(name))
    calibration.axhline(1.0, color="grey", linestyle=":", linewidth=1)
    regret.set(ylabel="regret, % of the oracle's value", title="The closed loop by day (▲: a new click champion in the evening)")
    regret.set_ylim(bottom=0)
    calibration.set(ylabel="predicted / true clicks")
    clicks.set(ylabel="clicks per 1,000 ads shown")
    clicks.set_ylim(bottom=0)
    all_days = sorted({date.fromisoformat(d.day) for days in arms.values() for d in days})
    step = max(len(all_days) // 10, 1)
    clicks.set_xticks([d.toordinal() for d in all_days[::step]], [f"{d:%d %b}" for d in all_days[::step]])
    regret.legend(fontsize=9)
    out = BytesIO()
    drawing.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def write_picture(home: Home, arms: Arms) -> Path:
    """reports/closed_loop/regret.png, replaced whole."""
    path = home.reports / "closed_loop" / "regret.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, picture(arms))
    return path
