"""The metrics: pure functions that query an engine and return small results.

No Streamlit, no Plotly, no clock, no configuration. A metric queries an `Engine`, for the whole
workspace or under a filter, and knows nothing of its implementation. What it counts is given as
facts: boolean Narwhals expressions over the columns of the contacts.
"""
