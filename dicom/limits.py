"""Every bound on what is read, with its unit and its reason. Knows no file."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds on reading and decoding. All are refusals, none is a silent cut."""

    file_bytes: int = 2048 * MIB
    """Bytes of one file. A 3000-slice enhanced CT or an uncompressed tomosynthesis is about 1.5 GiB."""
    upload_bytes: int = 8192 * MIB
    """Bytes of all files of one call together, ZIP members included. A PET-CT study is 1-3 GiB."""
    files: int = 20_000
    """Files of one call, ZIP and folder members included. Cardiac CT studies reach 6000."""
    zip_members: int = 20_000
    """Members of one ZIP. The list of members alone costs memory."""
    zip_ratio: float = 200.0
    """Inflated over compressed bytes of one ZIP. Uncompressed blank CT slices reach 100; bombs 1000."""
    inflated_bytes: int = 1024 * MIB
    """Bytes a deflated data set (PS3.5 A.5) may inflate to."""
    inflated_ratio: float = 500.0
    """Inflated over deflated bytes of such a data set, once 16 MiB are passed. Real studies reach 60."""
    nesting: int = 64
    """Sequences within sequences. The deepest real objects (SR, enhanced) have about 16."""
    elements: int = 1_000_000
    """Data elements in all sequences of one file. Per-frame groups of 10 000 frames have about 400 000. Repeats of
    one element, which no honest file has, are refused at twice the number at the latest."""
    frames: int = 20_000
    """Frames of one file. Long angiography and whole-slide levels reach 10 000."""
    frame_pixels: int = 160 * 1000 * 1000
    """Rows x columns of one decoded frame. The largest film scans have 60 million."""
    file_pixels: int = 8 * 1000 * 1000 * 1000
    """Rows x columns x frames of one file; frames are decoded one at a time, so this bounds patience."""
    codestream_bytes: int = 512 * MIB
    """Bytes of one compressed frame."""
    raster_pixels: int = 120 * 1000 * 1000
    """Pixels of one PNG, JPEG, TIFF or WebP page; larger pictures belong in a tiled slide format."""
    worker_memory_bytes: int = 3072 * MIB
    """Address space of one worker. Decoding the largest allowed 16-bit JPEG 2000 frame needs about 2 GiB."""
    seconds_per_step: float = 30.0
    """Wall clock and processor seconds of one step (reading one header, decoding one frame)."""
    seconds_per_scan: float = 9.0
    """The same for reading headers (and one small uncompressed frame along), where nothing honest takes a second."""
    seconds_per_frame: float = 1.0
    """Processor seconds any DICOM frame may take, before those for its pixels: damaged JPEG-LS takes minutes, an
    honest CT slice of any codec 0.05."""
    pixels_per_second: float = 2_000_000
    """Pixels of a frame that earn one more second. The slowest decoder here manages eight million."""
    workers: int = 2
    """Worker processes. More than the processor's cores gains nothing."""
    slide_side: int = 2048
    """Longest side in pixels of a slide's overview picture."""
    volume_bytes: int = 4096 * MIB
    """Bytes of a volume made from a series."""
