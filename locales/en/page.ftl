# The page: what a reader sees around images and answers.
page-title = Basira · medical image reading room
brand = Basira
brand-other = بصيرة
disclaimer = For research and education. Not for diagnosis.
language-label = Language
shelf-button = Conversations
theme-light = Light theme
theme-dark = Dark theme
close = Close
notice-more = More
notice-less = Less
cancel = Cancel

model-loading = Loading the model
model-failed = No model
model-demonstration = Demonstration model
model-demonstration-short = Demo
model-loading-short = Loading
model-line = { $name } · { $quantization }
model-demonstration-line = Demonstration model, no medical knowledge · { $name } · { $quantization }
quantization-nf4 = 4-bit
quantization-int8 = 8-bit
quantization-bf16 = 16-bit
quantization-fp32 = 32-bit
quantization-remote = remote

new-conversation = New conversation
search-conversations = Search conversations
search-nothing = No conversation has these words.
shelf-empty = Your conversations will stand here.
today = Today
yesterday = Yesterday
untitled = New conversation
rename = Rename conversation
rename-label = Name of the conversation
rename-save = Save name
erase = Delete conversation
erase-undone = Deleted. It will be erased for good in a moment.
undo = Undo
undo-late = It was too late to undo this: the conversation has been erased.
shelf-failed = This could not be done. Try again in a moment.

add-images = Add images
add-images-title = DICOM, PNG, JPEG, TIFF, WebP, slides, folders or a ZIP; you can also drop or paste them
choose-files = Choose images
reading-files = Reading
sending-files = Sending
upload-failed = The upload broke off. Check that Basira is still running and send the files again.
upload-not-cancelled = Not everything could be taken back: the images still shown are kept. Erase the conversation to remove them.
upload-cancelled = Cancelled. Nothing of these files was kept, except images that a question was already asked about.
upload-only-litter = Only files of the operating system were chosen; there is no image among them.
server-lost = Basira is not answering. It may have been stopped: start it again, then reload this page. What you typed is still here.

welcome-title = Ask a medical image a question
welcome-text = A DICOM study, a folder, a ZIP, a whole slide or a photograph, or paste one. Everything stays on the machine that runs Basira.
welcome-text-remote = A DICOM study, a folder, a ZIP, a whole slide or a photograph, or paste one. Answers come from a model on another server, chosen by the operator: questions and the pictures they are about are sent there.
stage-title = Drop images anywhere here
welcome-languages = In English or Arabic. It answers in the same language.
welcome-demonstration = The model loaded now is a demonstration with no medical knowledge. It learned from drawings that this project made, and only shows how the program works.
welcome-image-title = Ask about the image
welcome-image-text = Type a question or choose one below. The model sees exactly what is on the screen: turn the window, zoom in or change the slice to show it something else.
samples-title = or open one that is ready: drawings, not patients
sample-chest-radiograph = Chest radiograph
sample-head-ct = Head CT
sample-abdominal-ct = Abdominal CT
sample-brain-mr = Brain MR
sample-histology = H&E histology

chat-label = Conversation
you = You
reading-question = Reading the question…
thinking = Thinking…
wait-loading = The model is loading ({ $percent }%). Your question is next.
wait-queue = { $position ->
    [one] One question is before yours.
   *[other] { $position } questions are before yours.
}
ended-stopped = Stopped. What was written so far is kept.
ended-truncated = The answer reached its length limit.
ended-repeating = The model began to repeat itself, so the answer was ended. It is left out of what the model reads next. Ask in other words, or ask for the answer again.
ended-interrupted = Interrupted: the program ended while this was being answered. You can ask again.
answer-out-of-sight = The connection was lost while this was being written. What arrived so far is shown.
what-the-model-saw = What the model saw
show-this-view = Show this view
copy = Copy
copied = Copied
copy-failed = Select the text to copy it
turn-answer = Text direction
turn-question = Turn the question's text direction
reads-as = Reads as
edit-question = Edit question
stop-editing = Stop editing
rate = Rate this answer
rated = Rated
rating-reasons = Reasons
rating-comment = Anything to add? For example the answer you would give.
rating-save = Save rating
rating-failed = The rating could not be kept. Save it again in a moment; what you chose is still here.
rating-kept = Your rating is kept.
rating-take-back = Take the rating back
rating-taken-back = Your rating is taken back.
thumb-up = Good answer
thumb-down = Bad answer
reason-correct = Correct
reason-helpful = Helpful
reason-clear = Clear
reason-wrong-finding = Wrong finding
reason-wrong-side = Wrong side or place
reason-missed = Something missed
reason-invented = Something invented
reason-wrong-language = Wrong language
reason-unclear = Unclear
reason-harmful = Could do harm

question-label = Question
question-placeholder = Ask about this image, in English or Arabic
send = Send
stop = Stop
regenerate = Answer again
model-will-see = The model will see
seen-nothing = no image yet: it reads only your words
seen-loading = the image is being read
view-whole = this view
view-part = this part of the image
view-window = W { $width } L { $level }
view-slice = slice { $number }
view-frame = frame { $number }
view-image = image { $number }

resize-conversation = Width of the conversation
seen-words-only = words only: this model cannot look at images
pictures-left-out = This model reads text only: the pictures of this conversation were left out.
turns-left-out = { $count ->
    [one] The oldest turn did not fit what the model can read and was left out.
   *[other] The { $count } oldest turns did not fit what the model can read and were left out.
}

facts-slices = { $count ->
    [one] one slice
   *[other] { $count } slices
}
facts-frames = { $count ->
    [one] one frame
   *[other] { $count } frames
}
facts-images = { $count ->
    [one] one image
   *[other] { $count } images
}
facts-millimetres = { $number } mm
facts-spacing = { $number } mm/px
facts-magnification = { $number }×
facts-size = { $columns } × { $rows }
frames-missing = { $count ->
    [one] One picture of this series could not be read and is left out.
   *[other] { $count } pictures of this series could not be read and are left out.
}

suggest-any-1 = What kind of image is this?
suggest-any-2 = Describe this image.
suggest-any-3 = Is there a finding?
suggest-radiograph-1 = What kind of image is this?
suggest-radiograph-2 = Is there an abnormal finding?
suggest-radiograph-3 = Which side is it on?
suggest-radiograph-4 = Describe this image.
suggest-head-1 = What kind of image is this?
suggest-head-2 = Is there a haemorrhage?
suggest-head-3 = Which side is it on?
suggest-head-4 = Describe this image.
suggest-ct-1 = What kind of image is this?
suggest-ct-2 = Which body part is shown?
suggest-ct-3 = Is there an abnormal finding?
suggest-ct-4 = Describe this image.
suggest-mr-1 = What kind of image is this?
suggest-mr-2 = Is there a lesion?
suggest-mr-3 = Which side is it on?
suggest-mr-4 = Describe this image.
suggest-histology-1 = What kind of image is this?
suggest-histology-2 = Which stain was used?
suggest-histology-3 = How dense are the cells?
suggest-histology-4 = Describe this image.

error-empty-question = There is no question yet. Type one, then press Send.
error-question-too-long = The question is longer than 20,000 characters. Shorten it and send it again; your text is still in the box.
error-still-answering = An answer is still being written in this conversation. Wait for it or press Stop, then send again.
error-contradictory-rating = The rating and its reasons do not agree. Reload the page, then rate again.
error-moved-on = Something has been added to this conversation meanwhile, perhaps in another tab. Look at what is new, then try again.
error-malformed-view = The page and the program disagree about what is on the screen. Reload the page and ask again.
error-not-found = This conversation or image is no longer here. It may have been erased; start a new conversation.
error-nothing-to-regenerate = There is no question to answer again yet. Ask one first.
error-upload-too-large = These files are larger together than this installation allows. Send fewer at a time, or ask the operator to raise BASIRA_UPLOAD_MB.
error-image-underway = This image is still on its way: the model cannot see it yet. Ask again in a moment; your question is still in the box.
error-no-files = No file arrived. Choose one or more files and send them again.
error-unexpected = Something went wrong inside the program. Nothing you typed is lost; try again, and tell the operator if it happens twice.

keys-title = Keys
keys-image = On the image
keys-page = Anywhere
key-next = Next slice
key-previous = Previous slice
key-ten-next = Ten slices on
key-ten-previous = Ten slices back
key-first = First slice
key-last = Last slice
key-drag = Drag with the chosen tool
key-preset = Window preset with this number
key-closer = Closer
key-farther = Farther
key-question = To the question box
key-list = This list
key-leave-box = From the question box to the image
skip-to-question = Skip to the question box
