# The door: what a request is told that may not come in as it is.

error-unreadable-request = The page sent something that this program does not read. Reload the page and try again.
error-request-too-large = This is too much to send at once. Shorten what you typed and send it again.
