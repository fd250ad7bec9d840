"""Data export: tables as Parquet, numbers as JSON.

Both state the filters, the period, the zone and the time of the data.
"""

import io
import json
import zipfile
from datetime import UTC

from lib.outputs.report import report
from lib.query import url
from lib.query.view import View
from lib.reference import json_values
from lib.reference.json_values import Json

MOST = 1_000_000
"""Maximum of contacts for a ZIP made in memory, if an engine other than memory holds the tables."""


def is_too_large(view: View) -> bool:
    """Whether there are too many contacts for a download, so that the tables must be read from the
    store instead. Raises EngineError."""
    return view.source is not None and view.contacts > MOST


def tables_zip(view: View) -> bytes:
    """A ZIP of the filtered tables as Parquet (columns: `lib.store.tables.Tables`) and
    `about.json`. `tags`, `inboxes`, `agents` and `teams` list all of the workspace."""
    frames = view.asked.tables().frames()
    about = _about(view) | {"rows": {name: len(frame) for name, frame in frames.items()}}
    # Not the clock, so that the same rows make the same file. ZIP dates start in 1980.
    moment = view.terms.as_of.astimezone(UTC)
    written = (max(1980, moment.year), *moment.timetuple()[1:6])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("about.json", written), _json(about))
        for name, frame in frames.items():
            content = frame.to_parquet(compression="zstd", index=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.parquet", written), content)
    return buffer.getvalue()


def numbers_json(view: View) -> bytes:
    """The report (metrics.md, "The headless report") of the filtered contacts, with the URL
    parameters of the choice as `filters`."""
    numbers = report(view.snapshot, view.terms, view.asked)
    return _json(numbers | {"filters": _parameters(view)})


def _about(view: View) -> Json:
    terms, verdict = view.terms, view.snapshot.verdict
    return {
        "workspace_id": view.snapshot.workspace_id,
        "demo": view.snapshot.is_demo,
        "as_of": json_values.time(terms.as_of),
        "timezone": terms.timezone,
        "period": {"start": f"{terms.period.start}", "end": f"{terms.period.end}"},
        "subscription_basis": terms.basis,
        "filters": _parameters(view),
        "filters_in_words": view.choice.in_words(view.options) or None,
        "complete": verdict.complete,
        "warnings": list(verdict.warnings),
    }


def _parameters(view: View) -> dict[str, list[str]]:
    """URL parameters of the choice, without defaults."""
    return {name: values for name, values in url.parameters(view.choice).items() if values}


def _json(value: Json) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
