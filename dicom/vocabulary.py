"""Closed vocabularies: the only words that may leave a file. Knows no dataset; maps text to code words.

Free text (descriptions, protocol names) is never passed on: it is only searched for the words listed here,
and what leaves is the code word on the right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

MODALITIES = frozenset(
    [
        "AR",
        "BI",
        "BMD",
        "CR",
        "CT",
        "CTPROTOCOL",
        "DG",
        "DX",
        "ECG",
        "EM",
        "ES",
        "ESM",
        "FID",
        "GM",
        "IO",
        "IVOCT",
        "IVUS",
        "KER",
        "LEN",
        "LS",
        "MG",
        "MR",
        "NM",
        "OAM",
        "OCT",
        "OP",
        "OPM",
        "OPT",
        "OPTBSV",
        "OPTENF",
        "OPV",
        "OSS",
        "OT",
        "PT",
        "PX",
        "RF",
        "RG",
        "RTDOSE",
        "RTIMAGE",
        "SC",
        "SM",
        "SMR",
        "SRF",
        "TG",
        "US",
        "VA",
        "XA",
        "XC",
        "XRF",
    ]
)
"""Defined terms of (0008,0060) that can carry pixels, PS3.3 C.7.3.1.1.1; anything else becomes "OT"."""

BODY_PARTS: Mapping[str, str] = {
    "BRAIN": "BRAIN",
    "CEREBRAL": "BRAIN",
    "CEREBRUM": "BRAIN",
    "NEURO": "BRAIN",
    "HEAD": "HEAD",
    "CRANE": "HEAD",
    "KOPF": "HEAD",
    "TETE": "HEAD",
    "CRANIUM": "HEAD",
    "SKULL": "SKULL",
    "NECK": "NECK",
    "HALS": "NECK",
    "THYROID": "THYROID",
    "HEADNECK": "HEAD",
    "FACE": "FACE",
    "SINUS": "SINUS",
    "SINUSES": "SINUS",
    "ORBIT": "ORBIT",
    "ORBITS": "ORBIT",
    "EYE": "EYE",
    "RETINA": "EYE",
    "FUNDUS": "EYE",
    "EAR": "EAR",
    "IAC": "EAR",
    "JAW": "JAW",
    "MANDIBLE": "JAW",
    "TEETH": "TEETH",
    "TOOTH": "TEETH",
    "CHEST": "CHEST",
    "THORAX": "CHEST",
    "TORAX": "CHEST",
    "THORACIC": "CHEST",
    "LUNG": "LUNG",
    "LUNGS": "LUNG",
    "RIB": "RIB",
    "RIBS": "RIB",
    "STERNUM": "STERNUM",
    "CLAVICLE": "CLAVICLE",
    "HEART": "HEART",
    "CARDIAC": "HEART",
    "CORONARY": "HEART",
    "AORTA": "AORTA",
    "BREAST": "BREAST",
    "MAMMO": "BREAST",
    "ABDOMEN": "ABDOMEN",
    "ABD": "ABDOMEN",
    "ABDOMINAL": "ABDOMEN",
    "ABDOMENPELVIS": "ABDOMEN",
    "LIVER": "LIVER",
    "KIDNEY": "KIDNEY",
    "KIDNEYS": "KIDNEY",
    "RENAL": "KIDNEY",
    "PANCREAS": "PANCREAS",
    "SPLEEN": "SPLEEN",
    "GALLBLADDER": "GALLBLADDER",
    "STOMACH": "STOMACH",
    "COLON": "COLON",
    "BOWEL": "COLON",
    "PELVIS": "PELVIS",
    "PELVIC": "PELVIS",
    "BLADDER": "BLADDER",
    "PROSTATE": "PROSTATE",
    "UTERUS": "UTERUS",
    "OVARY": "OVARY",
    "FETUS": "FETUS",
    "FETAL": "FETUS",
    "OB": "FETUS",
    "TESTIS": "TESTIS",
    "SCROTUM": "TESTIS",
    "SPINE": "SPINE",
    "CSPINE": "CSPINE",
    "TSPINE": "TSPINE",
    "LSPINE": "LSPINE",
    "LUMBAR": "LSPINE",
    "SSPINE": "SPINE",
    "SACRUM": "SPINE",
    "COCCYX": "SPINE",
    "CERVICAL": "CSPINE",
    "SHOULDER": "SHOULDER",
    "HUMERUS": "HUMERUS",
    "ARM": "ARM",
    "ELBOW": "ELBOW",
    "FOREARM": "FOREARM",
    "WRIST": "WRIST",
    "HAND": "HAND",
    "FINGER": "HAND",
    "THUMB": "HAND",
    "HIP": "HIP",
    "FEMUR": "FEMUR",
    "THIGH": "FEMUR",
    "LEG": "LEG",
    "KNEE": "KNEE",
    "TIBIA": "TIBIA",
    "CALF": "TIBIA",
    "ANKLE": "ANKLE",
    "FOOT": "FOOT",
    "TOE": "FOOT",
    "EXTREMITY": "EXTREMITY",
    "WHOLEBODY": "WHOLEBODY",
    "SKIN": "SKIN",
}
"""Words of PS3.16 Annex L (and common spellings) to our body part codes."""

VIEWS: Mapping[str, str] = {
    "AP": "AP",
    "PA": "PA",
    "LL": "LL",
    "RL": "RL",
    "LAT": "LATERAL",
    "LATERAL": "LATERAL",
    "RLD": "RLD",
    "LLD": "LLD",
    "RLO": "RLO",
    "LLO": "LLO",
    "RAO": "RAO",
    "LAO": "LAO",
    "RPO": "RPO",
    "LPO": "LPO",
    "CC": "CC",
    "MLO": "MLO",
    "ML": "ML",
    "LM": "LM",
    "XCCL": "XCCL",
    "XCCM": "XCCM",
    "LMO": "LMO",
    "SIO": "SIO",
    "ISO": "ISO",
    "OBLIQUE": "OBLIQUE",
}
"""(0018,5101) ViewPosition and the mammography views of CID 4014."""

SEQUENCES: Mapping[str, str] = {
    "FLAIR": "FLAIR",
    "DWI": "DWI",
    "ADC": "ADC",
    "SWI": "SWI",
    "STIR": "STIR",
    "MPRAGE": "T1",
    "TOF": "TOF",
    "T1": "T1",
    "T1W": "T1",
    "T2": "T2",
    "T2W": "T2",
    "PD": "PD",
    "PDW": "PD",
    "DTI": "DWI",
    "BOLD": "BOLD",
}
"""What an MR series is weighted by, as a word in its description."""

PHASES: Mapping[str, str] = {
    "ARTERIAL": "ARTERIAL",
    "ART": "ARTERIAL",
    "PORTAL": "VENOUS",
    "VENOUS": "VENOUS",
    "DELAYED": "DELAYED",
    "DELAY": "DELAYED",
    "NATIVE": "NONE",
    "NONCONTRAST": "NONE",
    "UNENHANCED": "NONE",
    "PLAIN": "NONE",
}

STAINS: Mapping[str, str] = {
    "HEMATOXYLIN": "HE",
    "HAEMATOXYLIN": "HE",
    "EOSIN": "HE",
    "HE": "HE",
    "H&E": "HE",
    "DAB": "DAB",
    "PAS": "PAS",
    "GIEMSA": "GIEMSA",
    "TRICHROME": "TRICHROME",
    "FLUORESCENCE": "FLUORESCENCE",
    "IHC": "DAB",
    "DIAMINOBENZIDINE": "DAB",
}

WINDOW_WORDS: Mapping[str, str] = {
    "BRAIN": "brain",
    "HEAD": "brain",
    "CEREBRUM": "brain",
    "SUBDURAL": "subdural",
    "STROKE": "stroke",
    "LUNG": "lung",
    "LUNGS": "lung",
    "MEDIASTINUM": "mediastinum",
    "MEDIASTINAL": "mediastinum",
    "SOFT": "soft-tissue",
    "SOFTTISSUE": "soft-tissue",
    "TISSUE": "soft-tissue",
    "ABDOMEN": "abdomen",
    "LIVER": "liver",
    "BONE": "bone",
    "BONES": "bone",
    "SPINE": "spine",
    "NORMAL": "normal",
    "HARDER": "harder",
    "SOFTER": "softer",
    "CHEST": "mediastinum",
}
"""Words of (0028,1055) and (0028,3003) worth keeping."""

PHOTOMETRICS = frozenset(
    {
        "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422",
        "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB",
    }
)  # fmt: skip

_WORD = re.compile(r"[A-Z0-9&]+")
_PAIRS = {
    ("C", "SPINE"): "CSPINE",
    ("T", "SPINE"): "TSPINE",
    ("L", "SPINE"): "LSPINE",
    ("WHOLE", "BODY"): "WHOLEBODY",
}


def code(text: str, words: Mapping[str, str]) -> str:
    """The code word of the first known word of `text`, or ""."""
    tokens = _WORD.findall(text.upper())
    joined = [_PAIRS[pair] for pair in itertools.pairwise(tokens) if pair in _PAIRS]
    for token in [*joined, "".join(tokens), *tokens]:
        if token in words:
            return words[token]
    return ""


def modality(text: str) -> str:
    """A defined term of (0008,0060), or "OT"."""
    term = text.strip().upper()
    return term if term in MODALITIES else "OT"
