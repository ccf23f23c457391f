# What a reader or an operator is told when the model cannot be loaded or cannot answer. One key per class of
# model/errors.py: what happened, and what to do.

error-model-error = The model reported an error. Ask again; if it happens again, tell whoever runs this program.
error-checkpoint-error = The model's files cannot be used as they are. Check the model folder and start again.
error-checkpoint-not-found = The model was not found. Give BASIRA_MODEL a folder on this machine, or download the model first.
error-checkpoint-incomplete = A file of the model is missing or cut short. Download or copy the model again.
error-unknown-architecture = This kind of model is not supported. “python -m app models” lists the kinds that are.
error-remote-code-refused = This model would run program code of its own, which is never allowed here. Choose a version in the standard Hugging Face format.
error-pickle-refused = This model's weights are stored in a format that can run code when opened, so they were not opened. Convert them to safetensors first.
error-quantization-unavailable = The model cannot be loaded in this precision. Choose another BASIRA_QUANTIZATION, or install the missing library named in the log.
error-tower-not-found = The part of the model that reads images is missing. Put its files in a folder “vision-tower” inside the model's folder.
error-self-test-failed = The model was loaded but gave nonsense in its first test, so it is not used. Choose another precision (BASIRA_QUANTIZATION), or copy the model again.
error-not-enough-memory = There is too little memory for this model. Choose a smaller model or 4-bit precision (BASIRA_QUANTIZATION=nf4), or free some memory.
error-request-error = This question could not be answered. Ask it again.
error-images-not-accepted = This model reads text only. Ask without an image, or have another model started.
error-wrong-image-count = The images and the text of this question do not fit together. Start a new conversation and add the images again.
error-unreadable-image = An image could not be prepared for the model. Remove it and add it again.
error-context-too-long = The question and its images are too long for this model. Shorten the question or use fewer images.
error-queue-full = Too many questions are waiting. Try again in a minute.
error-deadline-exceeded = The answer took too long and was ended. Ask again, or ask a shorter question.
error-out-of-memory = The machine ran out of memory during this answer. Ask again with fewer images, or in a new conversation.
error-numbers-broke = The model's calculation failed on this question. Ask it in other words or with another image.
error-generation-failed = Something went wrong while the model was writing. Ask again; if it happens again, tell whoever runs this program.
error-engine-closed = The model was shut down. Reload the page once the program runs again.
error-remote-error = The model's server reported an error. Try again later.
error-remote-unreachable = The model's server cannot be reached. Check that it runs and that the address in BASIRA_MODEL is right.
error-remote-refused = The model's server refused the request. Check the address, the key and the model's name in the settings.
error-remote-busy = The model's server is overloaded. Try again in a minute.
