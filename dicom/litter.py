"""Names of what operating systems leave among a person's files. Knows names, no content.

assets/web/litter.js passes over the same on the page, where files are chosen; tests/test_litter.py holds both together.
"""

from __future__ import annotations

_NAMES = frozenset((
    "__macosx", "icon\r", "icon\uf00d",  # macOS; the second as other systems write the first
    "thumbs.db", "ehthumbs.db", "desktop.ini", "autorun.inf", "$recycle.bin", "recycler", "system volume information",
    "@eadir", "#recycle", "@recycle", "@recently-snapshot", "lost+found",  # network storage, Linux
))  # fmt: skip


def is_litter(path: str) -> bool:
    """Whether a file or one of the folders it lies in is a system's own: hidden, or of a name that systems use."""
    parts = path.replace("\\", "/").split("/")
    return any((part.startswith(".") and part not in (".", "..")) or part.lower() in _NAMES for part in parts)
