# The command line: its help, what it reports, and what to say when it is misused.
language-name = English

help-title = Basira: ask medical images questions, in Arabic and English. Not for diagnosis.
help-serve = start the page; what happens without a command
help-ask = answer in the terminal; --frame N, --json
help-inspect = what it is, and why it is (not) read; --json
help-render = pictures as PNG; --window C/W, --frame N
help-export = every turn as a line of JSON; --pictures DIR
help-models = the checkpoints known by name; --json
help-convert = to Hugging Face form; --quantization
help-evaluate = answer many; --images DIR, --out FILE
help-serve-model = an OpenAI-compatible server; --port N
help-doctor = what is here, what is wrong; --verify, --json
help-settings = every BASIRA_… setting and its value
help-language = language of messages; else BASIRA_LANG, else the system’s
help-shape = for terminals that neither join nor reorder Arabic letters
help-exit-codes = Exit codes: 0 done, 1 refused, 2 misused, 3 answer cut, 4 failed, 130 stopped.
help-settings-hint = BASIRA_DATA is the one folder everything is kept in; BASIRA_MODEL is the model.

usage-see-help = “python -m app --help” explains every command.
usage-wrong = This command line cannot be understood.
usage-command = There is no command { $what }.
usage-command-close = There is no such command. Did you mean { $what }?
usage-option = { $what } means nothing here.
usage-value = The value of { $what } is missing or cannot be used.
usage-missing = { $what } is missing.
usage-no-file = There is no file or folder { $what }.
usage-exists = { $what } exists already. Choose a new name.
usage-one-question = Type one question, in quotation marks.
cannot-write = { $path } cannot be written ({ $reason }).

settings-default = default: { $value }

serve-starting = Basira is starting: { $url } (Ctrl+C stops it)
serve-key = Open { $url }/?key=… once in each browser, with the value of BASIRA_PAGE_KEY in place of the dots.
serve-needs-key = Other machines could reach { $host }. Set BASIRA_PAGE_KEY to a key that their readers must know, for example this one, made just now: BASIRA_PAGE_KEY={ $example }. Or use BASIRA_HOST=127.0.0.1.
serve-port-taken = Port { $port } is taken by another program. Stop that one, or choose another: { $following }
serve-port-forbidden = Port { $port } may not be used by this account. Choose one above 1023.
serve-no-such-address = This machine cannot listen on { $host }. Set BASIRA_HOST to one of its own addresses.
serve-model-starting = { $name } answers at { $url } (Ctrl+C stops it)
serve-model-needs-key = Other machines could reach { $host }. Set BASIRA_API_KEY to a key that they must know, or use --host 127.0.0.1.

inspect-spacing = { $number } mm between pixels
inspect-more-pictures = { $count ->
    [one] one more image
   *[other] { $count } more images
}
inspect-more-skipped = { $count ->
    [one] and one more file that is no image
   *[other] and { $count } more files that are no images
}

ask-loading = Loading the model: { $percent } %
ask-demonstration = This is a demonstration model with no medical knowledge.
ask-truncated = The answer was cut at its longest length. BASIRA_MAX_NEW_TOKENS allows more.
ask-repeating = The model began to repeat itself, so the answer was ended. Ask in other words.
ask-stopped = The answer was stopped.

export-no-record = There is no record in { $folder }, so there is nothing to export. Set BASIRA_DATA to the folder that holds one.
export-done = { $count ->
    [one] One turn was written to { $path }.
   *[other] { $count } turns were written to { $path }.
}

models-memory = { $gigabytes } GB in 4-bit
models-context = { $tokens ->
    [one] one token
   *[other] { $tokens } tokens
}
models-text-only = text only
models-images = { $count ->
    [one] one image
   *[other] up to { $count } images
}
models-together = several readers at once
models-in-turn = one reader after another
models-refused = recognised, but refused
models-boxes = writes boxes in the form of { $convention }
models-recommended = recommended by its authors: { $settings }
models-gated = fetched only with HF_TOKEN of an account that accepted its terms
models-note-arabic-unproven = whether it answers in Arabic is unproven
models-note-research-only = for research only
models-note-original-format = in LLaVA’s own format
models-note-clip-tower = also needs openai/clip-vit-large-patch14-336, unless the tower’s weights lie inside
models-note-code-and-pickle = its model exists only as Python code in the checkpoint, its weights only as pickle
models-note-never-float16 = never runs in float16, which its numbers overflow
models-note-int8-gibberish = reported to write gibberish in 8-bit
models-note-authors-85-images = its authors give it up to 85 slices; the context of 8192 tokens that is used here holds 24
models-note-mixtral = a mixture of experts, Mixtral 8x7B
convert-done = Written to { $path }. Use it with BASIRA_MODEL={ $path }

evaluate-malformed = Line { $line } of { $path } is no question: each needs “text” and an id of its own.
evaluate-progress = { $done } of { $total } questions
evaluate-done = Of { $total } questions, { $answered } were answered now, { $kept } before, and { $failed } could not be: { $path }
evaluate-stopped = Stopped. The same command goes on from here.

doctor-python = Python
doctor-torch = PyTorch
doctor-transformers = Transformers
doctor-bitsandbytes = bitsandbytes (4-bit)
doctor-gradio = Gradio
doctor-pydicom = pydicom
doctor-detector = Text detector
doctor-device = Processor
doctor-device-value = { $name }, { $free } of { $total } GB memory free
doctor-gpu = GPU
doctor-model = Model
doctor-data = Data folder
doctor-database = Record
doctor-database-value = conversations: { $conversations }, turns: { $turns }, { $size } MB, schema { $schema }
doctor-sqlite = SQLite
doctor-fonts = Fonts
doctor-disk = Free disk space
doctor-notes = Worth knowing:
doctor-wrong = Wrong:
doctor-well = Nothing is wrong.
doctor-library-missing = { $package } is not installed. Run “make run”, which installs it.
doctor-torch-broken = PyTorch cannot be loaded ({ $reason }). Remove .venv and run “make run” again.
doctor-no-gpu = there is none that PyTorch can use. The demonstration model does without; a model of 8 billion parameters would be slow.
doctor-no-database = there is none yet; it is made at the first start.
doctor-wal-bug = this version has a rare flaw when several programs write at once (mended in 3.51.3). Basira writes from one process only; do not open its record with other programs while it runs.
doctor-folder-open = other accounts of this machine can read it. Close it with: chmod 700 { $path }
doctor-fonts-missing = font files are missing from assets/fonts; the page falls back to the system’s. Fetch the repository again.
doctor-disk-low = less than 2 GB are left; conversations may not be kept. Make room, or choose another folder with BASIRA_DATA.
