"""Parts of pages that are too long for a page: each module draws one, with Streamlit.

A page stays a short script (`pages/`); what it shows in sections of their own stands here, one
function a section, taking the page's `ui.Room`. Numbers come from the rooms that own them.
"""
