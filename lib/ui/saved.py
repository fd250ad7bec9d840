"""Saved views in the sidebar: open one on its page, save the current choice, delete one's own."""

import streamlit as st

from lib import settings as configured
from lib.query import url
from lib.query.choice import Choice
from lib.query.options import Options
from lib.query.saved_views import (
    EVERYBODY,
    LONGEST_NAME,
    SavedView,
    SavedViewError,
    of_workspace,
    opened,
    owner_of,
    secret_of,
    suggested_name,
)
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.pages import PAGES
from lib.settings import Settings
from lib.ui import navigation, rights, sidebar

_NOTES = "saved-notes"


def draw(view: View, workspace: Settings, page: str) -> None:
    """Draw the saved views of this workspace; none for the demo."""
    views = of_workspace(workspace)
    if views is None:
        return
    for note in st.session_state.pop(_NOTES, []):
        st.warning(escaping.markdown(note), icon=":material/bookmark:")
    with st.expander("Saved views", icon=":material/bookmark:", expanded=True):
        try:
            owner = _owner(workspace)
            known = views.of(owner)
        except SavedViewError as error:
            st.caption(escaping.markdown(str(error)))
            return
        for each in known:
            _draw_one(each, view.options, workspace, page, owner)
        if owner is not None or workspace.shared_views:
            name = suggested_name(view.choice, view.options, page, [each.name for each in known])
            _draw_form(view.choice, view.options, workspace, page, owner, name)
        elif not known:
            st.caption("Nobody has saved a view for everybody yet.")


def _draw_one(
    saved: SavedView, options: Options, workspace: Settings, page: str, owner: str | None
) -> None:
    choice, gone = opened(saved, options)
    with st.container(horizontal=True, vertical_alignment="center"):
        _draw_opener(saved, choice, page)
        if saved.owner == owner or (saved.is_for_everybody and workspace.shared_views):
            st.button(
                "Delete",
                key=f"saved-delete-{saved.id}",
                type="tertiary",
                on_click=rights.callback(_delete),
                args=(workspace.name, saved.id),
            )

    for each in gone:
        st.caption(escaping.markdown(each))


def _draw_opener(saved: SavedView, choice: Choice, page: str) -> None:
    """A link to the page of the view; a button if that is this page, which Streamlit would mark in
    a link as the current one."""
    label = escaping.markdown(saved.name)
    whose = "For everybody" if saved.is_for_everybody else "For me"
    icon = ":material/group:" if saved.is_for_everybody else ":material/person:"
    there = next((path for path in PAGES if path == saved.page), None)
    if there is not None and there != page:
        about = f"{whose}, on the page {PAGES[there].title}"
        navigation.link(there, label, parameters=url.parameters(choice), about=about, icon=icon)
        return
    st.button(
        label,
        key=f"saved-open-{saved.id}",
        icon=icon,
        help=whose,
        type="tertiary",
        on_click=rights.callback(sidebar.set_choice),
        args=(choice,),
    )


def _draw_form(
    choice: Choice,
    options: Options,
    workspace: Settings,
    page: str,
    owner: str | None,
    suggested: str,
) -> None:
    """Saving takes one click: without another name, the view gets the `suggested` one."""
    st.text_input(
        "Name of this view",
        key="saved-name",
        max_chars=LONGEST_NAME,
        placeholder=suggested,
    )
    whose = ["me"] * (owner is not None) + ["everybody"] * workspace.shared_views
    if len(whose) > 1:
        st.segmented_control(
            "For",
            whose,
            format_func={"me": "For me", "everybody": "For everybody"}.__getitem__,
            default=whose[0],
            key="saved-for",
            required=True,
            label_visibility="collapsed",
        )
    st.button(
        "Save this view" if len(whose) > 1 else f"Save this view for {whose[0]}",
        key="saved-save",
        on_click=rights.callback(_save),
        args=(workspace.name, choice, options, page, suggested),
    )


def _save(name: str, choice: Choice, options: Options, page: str, suggested: str) -> None:
    """A callback."""
    workspace = configured.configuration().named(name)
    views = of_workspace(workspace)
    if views is None:
        return
    try:
        owner = _owner(workspace)
        is_shared = st.session_state.get("saved-for") == "everybody" or owner is None
        if is_shared and not workspace.shared_views:
            return
        views.save(
            str(st.session_state.get("saved-name") or "").strip() or suggested,
            choice,
            options,
            page=page,
            owner=EVERYBODY if is_shared or owner is None else owner,
            now=formatting.now(),
        )
    except SavedViewError as error:
        st.session_state[_NOTES] = [str(error)]
    else:
        st.session_state["saved-name"] = ""


def _delete(name: str, view_id: str) -> None:
    """A callback."""
    workspace = configured.configuration().named(name)
    views = of_workspace(workspace)
    if views is None:
        return
    try:
        owner = _owner(workspace)
        owners = [owner] * (owner is not None) + [EVERYBODY] * workspace.shared_views
        views.delete(view_id, owners=[each for each in owners if each is not None])
    except SavedViewError as error:
        st.session_state[_NOTES] = [str(error)]


def _owner(workspace: Settings) -> str | None:
    """Owner ID of the signed-in visitor; None if there is no sign-in. Raises SavedViewError if the
    store cannot be read."""
    subject = st.user.to_dict().get("sub")
    if not isinstance(subject, str) or not subject or workspace.is_demo:
        return None
    try:
        return owner_of(subject, secret_of(workspace))
    except OSError as error:
        raise SavedViewError("Saved views could not be read from the store.") from error
