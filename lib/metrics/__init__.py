"""What the numbers are: pure functions from tables to small results.

No Streamlit, no Plotly, no clock, no configuration. What is counted are facts, Narwhals expressions
over the columns of a snapshot; `counts.count` asks them of other engines than pandas too.

A metric takes `Tables`, the whole workspace or what `Tables.select` made of it.
"""
