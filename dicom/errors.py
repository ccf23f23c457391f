"""Why a file gave no picture, one class per remedy. Knows no sentence, no language and no patient value.

    DicomError
    ├── Unreadable                   the bytes are not what they should be
    │   ├── FileMissing              nothing lies at this path: check where the file is
    │   ├── ReferenceMissing         a DICOMDIR names a file that did not come: send the whole folder
    │   ├── EmptyFile                send the file again
    │   ├── UnknownFile              not an image we know: export as DICOM, PNG, JPEG or TIFF
    │   ├── TruncatedFile            the file ends early: copy or export it again
    │   ├── DamagedFile              the file contradicts itself: export it again
    │   ├── PackedFile               packed in a way that is not opened: unpack it first
    │   ├── EncryptedFile            remove the password or encryption first
    │   └── DisguisedFile            two kinds of file in one: refuse, export it cleanly
    ├── NotAnImage                   sound DICOM, but nothing to look at
    │   ├── HeaderOnly               an image object without its pixels: send the complete file
    │   ├── StructuredReport         a report, measurements or a key object note
    │   ├── RadiotherapyObject       plan, structure set or treatment record
    │   ├── Segmentation             labels drawn on other images: send those images
    │   ├── Annotations              marks made on other images: send those images
    │   ├── PresentationState        display settings of other images: send those images
    │   ├── Waveform                 ECG and other curves
    │   ├── EncapsulatedDocument     PDF, CDA or 3-D model inside DICOM
    │   ├── VideoObject              a video, by itself or inside DICOM: export still frames
    │   ├── DirectoryFile            a DICOMDIR without its files: send the whole folder
    │   └── OtherObject              any other object without pixels
    ├── ForeignFile                  a known kind of file that is not read
    │   ├── HeicPicture              a phone's photo: export it as JPEG or PNG
    │   ├── AvifPicture              export it as JPEG or PNG
    │   ├── JpegXlPicture            export it as JPEG or PNG
    │   ├── RawPhoto                 a camera's raw picture: develop it
    │   ├── RarePicture              any other format of pictures: export it as PNG or TIFF
    │   ├── DesignFile               a drawing or a picture in layers: export it as PNG
    │   ├── PdfDocument              export its pages as pictures
    │   ├── OfficeDocument           save the pictures that are in it
    │   ├── TextFile                 copy the text into the question
    │   ├── AudioFile                a sound
    │   ├── VolumeInTwoFiles         .hdr and .img: convert them into one .nii
    │   ├── ResearchVolume           NRRD, MetaImage, MINC and others: convert it into NIfTI or DICOM
    │   ├── MicroscopeFile           a maker's own format: export it as DICOM or pyramidal TIFF
    │   └── SystemFile               left by an operating system: passed over where anything else came
    ├── TooLarge                     a bound of `Limits` was reached; the message names the bound
    │   ├── TooManyBytes
    │   ├── TooManyPixels
    │   ├── TooManyFrames
    │   ├── TooManyFiles
    │   ├── InflatesTooMuch          compressed data that grows beyond the bound
    │   ├── TooComplex               nested too deeply or too many elements
    │   ├── TookTooLong              the wall clock or processor bound
    │   └── TookTooMuchMemory
    ├── Unsupported                  sound, but not by this program
    │   ├── UnsupportedCompression   export uncompressed or with a standard transfer syntax
    │   ├── UnsupportedPixels        a pixel layout nobody here can show
    │   └── MissingDecoder           the operator must install the named package
    ├── WithheldImage                a slide's label or overview, which may show a name: never shown
    ├── NoVolume                     these slices do not make a volume
    ├── FrameMissing                 there is no such frame, level or region
    ├── InvalidWindow                this window cannot be applied
    ├── DetectorMissing              the operator must install the package with the text detector
    └── DecoderCrashed               the decoder's process died and was replaced: try again once

Messages are for developers: English, naming the tag, keyword or setting, never a value read from a file
other than sizes, counts and well-known identifiers of the standard.
"""

from __future__ import annotations


class DicomError(Exception):
    """Any refusal of this package. `str(error)` is technical and holds nothing that identifies a person."""


class Unreadable(DicomError):
    """The bytes are not what they should be."""


class FileMissing(Unreadable):
    """Nothing lies at the path given."""


class ReferenceMissing(Unreadable):
    """A file that a DICOMDIR names by (0004,1500) ReferencedFileID is not below its folder, others are."""


class EmptyFile(Unreadable):
    """No bytes at all."""


class UnknownFile(Unreadable):
    """None of the kinds we recognise by content."""


class TruncatedFile(Unreadable):
    """The file ends before what its header announces."""


class DamagedFile(Unreadable):
    """Header and content contradict each other, or the decoder gave up."""


class PackedFile(Unreadable):
    """gzip around anything but a NIfTI volume, RAR, 7z, tar, xz, bzip2, zstd, CAB, a disc's image, a ZIP in a ZIP."""


class EncryptedFile(Unreadable):
    """Encrypted ZIP member, CMS envelope or PKCS container."""


class DisguisedFile(Unreadable):
    """A DICOM preamble that starts another kind of file (PS3.10 7.1 leaves the preamble free)."""


class NotAnImage(DicomError):
    """Sound DICOM, but nothing to look at."""


class HeaderOnly(NotAnImage):
    """An image object without (7FE0,0010) PixelData, (7FE0,0008) or (7FE0,0009)."""


class StructuredReport(NotAnImage):
    """SR documents, key object selections, measurement reports."""


class RadiotherapyObject(NotAnImage):
    """RT plan, structure set, treatment record and their successors."""


class Segmentation(NotAnImage):
    """SEG and surface segmentations: labels, not a picture."""


class Annotations(NotAnImage):
    """Microscopy bulk annotations, fiducials, registrations: they belong to other images."""


class PresentationState(NotAnImage):
    """How other images are to be displayed."""


class Waveform(NotAnImage):
    """ECG, audio, haemodynamic curves."""


class EncapsulatedDocument(NotAnImage):
    """PDF, CDA, STL, OBJ, MTL inside DICOM."""


class VideoObject(NotAnImage):
    """MPEG-2, MPEG-4 AVC/H.264, HEVC/H.265 or SMPTE ST 2110 inside DICOM, or a file of a video."""


class DirectoryFile(NotAnImage):
    """A DICOMDIR whose referenced files were not sent."""


class OtherObject(NotAnImage):
    """Any other SOP class without pixels."""


class ForeignFile(DicomError):
    """A known kind of file that is not read; see `foreign`."""


class HeicPicture(ForeignFile):
    """HEIC or HEIF, ISO/IEC 23008-12."""


class AvifPicture(ForeignFile):
    """AVIF: AV1 in HEIF."""


class JpegXlPicture(ForeignFile):
    """JPEG XL outside DICOM, ISO/IEC 18181."""


class RawPhoto(ForeignFile):
    """DNG, CR2, CR3, NEF, ARW, RAF, ORF, RW2: what Pillow would open of them is a thumbnail."""


class RarePicture(ForeignFile):
    """PNM, ICO, OpenEXR, JPEG XR and others."""


class DesignFile(ForeignFile):
    """SVG, PostScript, Photoshop, GIMP."""


class PdfDocument(ForeignFile):
    """PDF outside DICOM."""


class OfficeDocument(ForeignFile):
    """Word, Excel, PowerPoint and OpenDocument: ZIPs, but not of files that anybody sent."""


class TextFile(ForeignFile):
    """Text of any kind: notes, CSV, JSON, HTML."""


class AudioFile(ForeignFile):
    """WAV, MP3, Ogg, FLAC, AMR, MPEG-4 audio."""


class VolumeInTwoFiles(ForeignFile):
    """The header of a NIfTI or Analyze volume without its voxels, which lie in a file that says nothing of itself."""


class ResearchVolume(ForeignFile):
    """NRRD, MetaImage, MINC, HDF5, MGH, VTK, MATLAB, NumPy."""


class MicroscopeFile(ForeignFile):
    """CZI, ND2, LIF."""


class SystemFile(ForeignFile):
    """.DS_Store, AppleDouble, desktop.ini and the like, recognised by content where a name does not tell."""


class TooLarge(DicomError):
    """A bound of `Limits` was reached; the message names the bound."""


class TooManyBytes(TooLarge):
    """`Limits.file_bytes`, `Limits.upload_bytes` or `Limits.codestream_bytes`."""


class TooManyPixels(TooLarge):
    """`Limits.frame_pixels` or `Limits.file_pixels`."""


class TooManyFrames(TooLarge):
    """`Limits.frames`."""


class TooManyFiles(TooLarge):
    """`Limits.files` or `Limits.zip_members`."""


class InflatesTooMuch(TooLarge):
    """`Limits.inflated_bytes` or `Limits.zip_ratio`."""


class TooComplex(TooLarge):
    """`Limits.nesting` or `Limits.elements`."""


class TookTooLong(TooLarge):
    """`Limits.seconds_per_step` of wall clock or processor time; the worker was killed."""


class TookTooMuchMemory(TooLarge):
    """`Limits.worker_memory_bytes`."""


class Unsupported(DicomError):
    """Sound, but not by this program."""


class UnsupportedCompression(Unsupported):
    """A transfer syntax or codestream no decoder here opens."""


class UnsupportedPixels(Unsupported):
    """A photometric interpretation or bit layout outside PS3.3 C.7.6.3."""


class MissingDecoder(Unsupported):
    """An optional package is not installed; the message names it."""


class WithheldImage(DicomError):
    """Label, overview or macro image of a slide (0008,0008): may show a name, never leaves this package."""


class NoVolume(DicomError):
    """Fewer than two slices, mixed orientations, unknown positions or unequal sizes."""


class FrameMissing(DicomError):
    """An index, level or region outside the series."""


class InvalidWindow(DicomError):
    """Width below the minimum of its function (PS3.3 C.11.2.1.2 and C.11.2.1.3) or not a finite number."""


class DetectorMissing(DicomError):
    """The weights of the text detector are not installed, or are not the ones measured: nothing can look."""


class DecoderCrashed(DicomError):
    """The worker process died while decoding (a decoder's own fault) and was replaced."""


def _leaves(root: type[DicomError]) -> tuple[type[DicomError], ...]:
    """The classes that are raised: those without subclasses, in the order of the tree."""
    found: list[type[DicomError]] = []
    for child in root.__subclasses__():
        found.extend(_leaves(child) or (child,))
    return tuple(found)


ALL: tuple[type[DicomError], ...] = _leaves(DicomError)
"""Every class that can be raised; each has a sentence `error-<kebab-class-name>` in `locales/*/dicom.ftl`."""
