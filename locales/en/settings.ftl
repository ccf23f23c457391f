# What each BASIRA_… setting is for, and what to say when one cannot be used.

setting-unknown = The setting { $name } does not exist. “python -m app settings” lists those that do.
setting-unknown-close = The setting { $name } does not exist. Did you mean { $close }?
setting-malformed = The setting { $name } cannot be used as it is: it must be { $expected }.

expected-text = text without spaces around it
expected-whole = a whole number from { $low } to { $high }
expected-number = a number from { $low } to { $high }
expected-choice = one of { $options }
expected-folder = a folder (it is created when missing)
expected-names = names without port, separated by commas
expected-key = at least 16 letters, digits or signs out of - . _ ~

setting-host = Address to listen on. Anything but 127.0.0.1 lets other machines reach the page.
setting-hostnames = Further names the page may be called by, separated by commas: its name on the network, or behind a proxy.
setting-page-key = Key that opens the page, in a link once: http://…/?key=…; needed when other machines can reach it.
setting-port = Port to listen on.
setting-data = The one folder everything is kept in: conversations, pictures, ratings.
setting-lang = Language of messages in the terminal: en or ar. Without it, the system's language.

setting-model = The model: demo, a folder, a Hugging Face name, or openai:http://host:8000/v1#name.
setting-model-key = Key for a model behind openai:…; never shown or logged.
setting-api-key = Key that clients of “serve-model” must send; needed when other machines can reach it.
setting-facts = Whether real models read an image’s facts beside its pixels: told or silent. The demonstration model never does.
setting-quantization = How the weights are held: nf4 (4-bit), int8, bf16 or fp32.
setting-max-new-tokens = Longest answer, in tokens.
setting-temperature = Randomness of the answer, 0 for none. Without it, what the checkpoint recommends.
setting-top-p = Share of the probability the next token is drawn from. Without it, what the checkpoint recommends.
setting-seed = Number that makes random answers repeatable.
setting-context = Most tokens of one conversation that the model reads; beyond them the oldest turns are left out. Without it, what the checkpoint was made for, at most 8192.
setting-cuda-graphs = Whether a GPU records its steps and replays them, which is faster and takes more memory: on or off. Nothing changes without a GPU.
setting-batch = Answers written at the same time. Without it, 16 on a GPU and 8 elsewhere.
setting-queue = Questions that may wait for their turn; further ones are told to come back.
setting-answer-seconds = Longest time for one answer, in seconds.

setting-upload-mb = Largest upload in MiB, all its files together.
setting-file-mb = Largest single file in MiB.
setting-files = Most files of one upload, members of ZIP archives included.
setting-frames = Most frames of one file.
setting-frame-megapixels = Largest frame in million pixels.
setting-file-megapixels = All frames of one file together, in million pixels.
setting-raster-megapixels = Largest PNG, JPEG, TIFF or WebP picture in million pixels.
setting-nesting = Deepest nesting of DICOM sequences.
setting-elements = Most data elements of one DICOM file.
setting-inflated-mb = Most MiB a compressed (deflated) DICOM file may unfold to.
setting-zip-ratio = Largest ratio of unpacked to packed size of a ZIP archive.
setting-workers = Processes that read and decode files.
setting-worker-mb = Memory limit of each of them in MiB.
setting-worker-seconds = Time limit for reading one header or decoding one frame, in seconds.
setting-scan-seconds = Time limit for reading headers only, in seconds.
setting-frame-seconds = Processor time any DICOM frame may take, in seconds; its pixels add to it.
setting-megapixels-per-second = Million pixels of a DICOM frame that add one second to that time.
