"""Which licence everything has that the program installs, from the installed packages' own metadata.

    python -m tools.licences        writes docs/licences.md

Knows requirements.txt and importlib.metadata, nothing of the program. tests/test_licences.py refuses a licence that
is not among `ALLOWED`, and a table that is out of date.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = (ROOT / "requirements.txt", ROOT / "requirements-detector.txt")
DOCUMENT = ROOT / "docs" / "licences.md"
ALLOWED = {
    **dict.fromkeys(
        (
            *("0BSD", "Apache-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSD-4.3TAHOE", "CC0-1.0"),
            *("BSL-1.0", "CNRI-Python", "IJG", "ISC", "LLVM-exception", "MIT", "MIT-CMU", "PSF-2.0", "Zlib"),
            *("blessing", "libpng-2.0", "libtiff", "LicenseRef-Public-Domain"),
        ),
        "",
    ),
    "MPL-2.0": "weak copyleft, by file; used unchanged",
    "LGPL-2.1-only": "weak copyleft, by library; used unchanged, replaceable by whoever installs",
    "LGPL-2.1-or-later": "weak copyleft, by library; used unchanged, replaceable by whoever installs",
    "LGPL": "weak copyleft, by library; used unchanged, replaceable by whoever installs",
}
"""Licences by SPDX name, with what to know of those that ask for more than a notice."""
_NAMES = {
    "mit license": "MIT",
    "apache software license": "Apache-2.0",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apl 2": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "gnu library or lesser general public license (lgpl)": "LGPL",
}
"""What packages call their licence, by its SPDX name."""


@dataclass(frozen=True)
class Package:
    """One pinned line of a requirements file, and what its metadata says."""

    name: str
    version: str
    purpose: str
    """The comment beside the pin; empty for what others bring along."""
    licence: str
    """An SPDX expression, or the package's own words where it has none."""

    @property
    def asked(self) -> tuple[frozenset[str], ...]:
        """What must be allowed: of each of these, which the expression joins by AND or WITH, one (OR)."""
        parts = re.split(r"\s+(?:AND|WITH)\s+", self.licence) if self.licence else []
        return tuple(frozenset(re.split(r"\s+OR\s+", part.strip("() "))) for part in parts)

    @property
    def chosen(self) -> frozenset[str]:
        """The licences it is used under, as far as they are allowed."""
        return frozenset(name for names in self.asked for name in sorted(names & ALLOWED.keys())[:1])


def installed_packages() -> Iterator[Package]:
    """What is pinned for running, in that order; what is not for this Python is passed over.

    Raises PackageNotFoundError for a pin without a marker that is not installed.
    """
    for line in (line for path in PINNED for line in path.read_text(encoding="utf-8").splitlines()):
        pinned = re.match(r"([\w.-]+)==([^\s;#]+)\s*(;[^#]*)?(?:#\s*(.*))?$", line)
        if not pinned:
            continue
        name, version, marker, purpose = pinned.groups()
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            if marker:
                continue
            raise
        yield Package(name, version, (purpose or "").rstrip(":"), _licence(metadata))


def _licence(metadata: importlib.metadata.PackageMetadata) -> str:
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    said = metadata["License"].strip() if "License" in metadata else ""
    classified = [value.split("::")[-1].strip() for value in metadata.get_all("Classifier") or []
                  if value.startswith("License :: ") and value.count("::") > 1]  # fmt: skip
    named = [said] if said and "\n" not in said and len(said) < 60 else classified
    return " AND ".join(_NAMES.get(name.lower(), name) for name in named)


def table(packages: list[Package]) -> str:
    rows = [
        f"| {p.name} | {p.version} | {p.licence} | {p.purpose} |"
        for p in sorted(packages, key=lambda p: p.name.lower())
    ]
    more = [f"- {name}: {note}." for name, note in ALLOWED.items() if note and any(name in p.chosen for p in packages)]
    return "\n".join(["| package | version | licence | for |", "|---|---|---|---|", *rows, "", *more, ""])


HEAD = """# Licences

Basira is under the Apache License 2.0 (`LICENSE`); fonts, icons, drawings and the demonstration model have licences of
their own (`NOTICE`). The libraries that `requirements.txt` and `requirements-detector.txt` install are listed below, by
`python -m tools.licences`, from what the installed packages say of themselves. **None is under the GPL**; a test fails
when one comes, or any other licence that nobody has weighed. PyTorch's CUDA build brings NVIDIA's libraries along,
under NVIDIA's own terms. What a wheel holds inside (OpenJPEG, libjpeg-turbo, CharLS, OpenSlide's dependencies …) is
described in that wheel.

"""


def main() -> None:
    DOCUMENT.write_text(HEAD + table(list(installed_packages())), encoding="utf-8")


if __name__ == "__main__":
    main()
