"""Bytes of any supported kind to pictures and facts, nothing that identifies a person.

    with open_study(paths) as study:
        series = study.series[0]
        frame = series.frame(series.middle)          # full depth, for a viewer
        picture = series.picture(3, window=Window(40, 400), region=(0, 0, 256, 256))   # 8 bit, for the model

Knows no conversation, no model and no screen. Files are read in child processes (`Sandbox`); a pydicom
dataset never leaves this package.
"""

from dicom.burned_in import corner_bands, frames_to_look_at, look, masked
from dicom.errors import ALL, DicomError
from dicom.facts import Facts
from dicom.inspection import Inspection, inspect, render_files
from dicom.limits import Limits
from dicom.model_input import composite, model_array, sample, square
from dicom.originals import Originals
from dicom.render import automatic, displayed_size, full_range, grey_levels, render
from dicom.sandbox import Sandbox
from dicom.series import Series, seen_window
from dicom.study import Skipped, Study, open_study
from dicom.values import Frame, Picture, Plane, Preset, TextBox, VoiLut, Window, fingerprint
from dicom.volume import Volume, volume

__all__ = [
    "ALL",
    "DicomError",
    "Facts",
    "Frame",
    "Inspection",
    "Limits",
    "Originals",
    "Picture",
    "Plane",
    "Preset",
    "Sandbox",
    "Series",
    "Skipped",
    "Study",
    "TextBox",
    "VoiLut",
    "Volume",
    "Window",
    "automatic",
    "composite",
    "corner_bands",
    "displayed_size",
    "fingerprint",
    "frames_to_look_at",
    "full_range",
    "grey_levels",
    "inspect",
    "look",
    "masked",
    "model_array",
    "open_study",
    "render",
    "render_files",
    "sample",
    "seen_window",
    "square",
    "volume",
]
