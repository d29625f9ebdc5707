"""Two traces of one problem side by side: which is better?"""

from __future__ import annotations

from curation import ui
from curation.screens import compare, guidelines

PAGE = "pages/8_Compare.py"

with ui.page("Compare") as room:
    guidelines.instead(room, PAGE)  # where the link says that they are written
    asked = compare.choose(room)
    guidelines.link(room, PAGE)
    if room.store.pulse().traces:
        compare.desk_of_pairs(room, asked)
    else:
        compare.nothing_here()
