# The door: what a request is told that may not come in as it is.

error-unreadable-request = The page sent something that this program does not read. Reload the page and try again.
error-request-too-large = This is too much to send at once. Shorten what you typed and send it again.
error-key-needed = This reading room asks for a key. Open it with the link you were given, which ends in “/?key=…”; once is enough in each browser. Whoever runs the program chose the key in BASIRA_PAGE_KEY.
error-wrong-key = This is not the key of this reading room. Open the whole link as you were given it, or ask whoever runs the program for the present one.
error-malformed-upload = The upload did not arrive whole or is no form of files. Send the files again.
