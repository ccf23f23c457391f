### The image viewer. No variables: the page hands all of these to the viewer as plain labels.

viewer-name = Image viewer
viewer-help = Arrow keys change the slice, plus and minus zoom, number keys choose a window.
viewer-toolbar = Image tools
viewer-tool-window = Brightness and contrast: drag on the image
viewer-tool-move = Move the enlarged image: drag
viewer-tool-scroll = Go through the slices: drag
viewer-fit = Fit to the window
viewer-reset = Back to the first view
viewer-invert = Invert greys
viewer-overlay = Marks stored in the file
viewer-play = Play the slices
viewer-pause = Pause
viewer-presets = Window presets
viewer-slice = Slice
viewer-series = Series
viewer-strip = Slices and series
viewer-loading = Loading the image…
viewer-failed = The image could not be loaded.
viewer-retry = Try again
viewer-empty-title = No image yet
viewer-empty-hint = Drop a DICOM file or a picture here, or paste one.
