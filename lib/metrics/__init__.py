"""What the numbers are: functions from what an engine answers to small results.

No Streamlit, no Plotly, no clock, no configuration. A metric asks an `Engine` its questions, about
the whole workspace or what a filter lets pass, and never looks behind it. What is counted are
facts: Narwhals expressions over the columns of the contacts.
"""
