"""The screens, in Gradio: one module per part of the page. Knows no SQL, no DICOM tag and no tensor."""
