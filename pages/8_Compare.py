"""Two traces of one problem side by side: which is better?"""

from __future__ import annotations

from curation import ui
from curation.screens import compare

with ui.page("Compare") as room:
    compare.desk_of_pairs(room, compare.choose(room))
