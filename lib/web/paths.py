"""Request paths relative to where the dashboard is mounted."""


def relative(path: str, base_path: str) -> str:
    """The path below the dashboard's base path, without a leading slash."""
    base = f"/{base_path.strip('/')}/" if base_path.strip("/") else "/"
    return path.removeprefix(base).lstrip("/")
