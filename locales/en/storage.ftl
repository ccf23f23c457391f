# What is said when the record cannot be read or written. Keys follow the classes of storage/errors.py.
error-storage-error = The record could not be used. Try again, and tell the operator if it happens twice.
error-not-finished = This answer is still being written. Wait until it has ended.
error-already-finished = This answer has already ended; nothing can be added to it. Reload the page.
error-already-stored = This image is already in the record. Reload the page to see it.
error-folder-unusable = The data folder cannot be made or written. Choose another with BASIRA_DATA, or mend its permissions.
error-newer-schema = A newer version of Basira wrote this record. Start that version, or choose another folder with BASIRA_DATA.
error-busy = Another program is holding the record. Close it, or try again in a moment.
error-disk-full = The disk is full or failing, so nothing more can be kept. Make room and try again.
error-damaged = Part of the record is damaged. Stop Basira, copy the data folder, and restore the last backup.
