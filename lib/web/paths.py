"""What is asked for, as the dashboard sees it wherever it is mounted."""


def relative(path: str, base_path: str) -> str:
    """A path below the dashboard's own, without a slash before it."""
    base = f"/{base_path.strip('/')}/" if base_path.strip("/") else "/"
    return path.removeprefix(base).lstrip("/")
