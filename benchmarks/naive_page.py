"""A typical hand-written page: the Overview's numbers and charts with pandas and Plotly Express.

A Streamlit page, the peer in `benchmarks.felt`. NAIVE_CONTACTS is a Parquet file with the columns
created (UTC), channel, country, tags (lists), broadcast, email and waiting (flags).
"""

import os

import pandas as pd
import plotly.express as px
import streamlit as st

CARDS = ("Contacts", "New", "Channels", "Opt-in", "E-mail", "Waiting", "Countries")


@st.cache_data
def contacts() -> pd.DataFrame:
    return pd.read_parquet(os.environ["NAIVE_CONTACTS"])


st.set_page_config(layout="wide")
everybody = contacts()
with st.sidebar:
    first = everybody["created"].max() - pd.Timedelta(days=30)
    for name in ("channel", "country"):
        picked = st.multiselect(name.capitalize() + "s", sorted(everybody[name].unique()))
        if picked:
            everybody = everybody[everybody[name].isin(picked)]
new = everybody[everybody["created"] > first]

st.title("How is our audience doing?")
values = (
    f"{len(everybody):,}",
    f"{len(new):,}",
    f"{everybody['channel'].nunique()}",
    f"{everybody['broadcast'].mean():.1%}",
    f"{everybody['email'].mean():.1%}",
    f"{everybody['waiting'].sum():,}",
    f"{everybody['country'].nunique()}",
)
for column, label, value in zip(st.columns(len(CARDS)), CARDS, values, strict=True):
    column.metric(label, value, border=True)

daily = new.groupby(new["created"].dt.date).size().reset_index(name="new")
st.plotly_chart(px.bar(daily, x="created", y="new", title="New contacts"))
left, right = st.columns(2)
by_channel = new["channel"].value_counts().reset_index()
left.plotly_chart(px.bar(by_channel, y="channel", x="count", title="New by channel"))
by_country = everybody["country"].value_counts().head(8).reset_index()
right.plotly_chart(px.bar(by_country, y="country", x="count", title="By country"))
by_tag = everybody["tags"].explode().value_counts().head(10).reset_index()
st.plotly_chart(px.bar(by_tag, y="tags", x="count", title="By tag"))
