"""On the Export page: what would go out, against what there was and against unguided traces."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from curation import export, export_scales, ui
from curation.export import scale_words as words
from curation.figures import Chart
from curation.figures import scales as charts

_GRAVE = ("large and suppressed", "below unguided", "mostly privileged", "coverage lost")


def section(room: ui.Room, recipe: export.Recipe) -> None:
    """Warnings, the hedging budget, the charts and every figure of what `recipe` would write."""
    st.subheader("The scales")
    with st.spinner("Weighing what would go out"):
        found = export_scales.of(room.store, recipe)
    scales = found["scales"]
    st.caption(ui.escaped(words.heading(scales)))
    if not scales["n_traces"]["accepted"]:
        st.info("Nothing goes out yet, so there is nothing to weigh.", icon=":material/scale:")
        return
    _warnings(scales)
    st.text(words.budget(found["budget"]))
    _show(charts.ratios(scales), "scales_ratios")
    _show(charts.shares(scales), "scales_shares")
    _table(words.COLUMNS, words.rows(scales), "All figures, with 95 % intervals")
    mixes = [mix for mix in scales["mixes"] if mix["counts"]]
    if mixes:
        for tab, mix in zip(st.tabs([mix["title"] for mix in mixes]), mixes, strict=True):
            with tab:
                _show(charts.mix(mix), f"scales_{mix['name']}")
                rows = [*words.mix_rows(mix), *words.mix_totals(mix)]
                _table(words.MIX_COLUMNS, rows, mix["title"])
    if scales["removed"]:
        st.caption("What was left out, and what the set would be with it")
        _table(words.REMOVED_COLUMNS, words.removed_rows(scales), "What was left out")
    st.caption(scales["limits"])


def _warnings(scales: dict[str, Any]) -> None:
    """The grave ones in full, the others behind one line."""
    others = []
    for each in scales["warnings"]:
        named = f" ({', '.join(each['names'])})" if each["names"] else ""
        if each["code"] in _GRAVE:
            st.warning(ui.escaped(each["says"] + named), icon=":material/balance:")
        else:
            others.append(each["says"] + named)
    if others:
        more = f"{len(others)} more to keep in mind" if len(others) > 1 else "To keep in mind"
        with st.expander(more, icon=":material/info:"):
            for said in others:
                st.text(said)


def _show(chart: Chart, key: str) -> None:
    st.plotly_chart(chart.figure, alt=chart.alt, key=key)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]], alt: str) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")
    wide = {
        columns[0]: st.column_config.TextColumn(width=280 if columns == words.COLUMNS else None)
    }
    st.dataframe(frame, hide_index=True, height="content", column_config=wide, alt=alt)
