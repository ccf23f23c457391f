# What the set-up scripts say before Python can run. One line each; values are { $first } and { $second }.
setup-usage = “{ $first }” is no purpose: use run or test.
setup-python = Python 3.11 or later is needed. Get it with: { $first }
setup-venv = Python’s venv module is missing. Get it with: { $first }
setup-disk = { $first } GB of free disk space are needed for the libraries; there are { $second }. Make room, or say DISK_GB=… if less will do.
setup-installing = Installing the libraries into .venv. This takes several minutes, once.
setup-install = The libraries could not be installed; the reason is above and in { $first }. Check the network, then run the same command again.
setup-package = This Python has no “{ $first }”. “make run” installs what is needed; “.venv/bin/python -m app” then uses it.
setup-chromium-installing = The browser tests need Chromium, which is not here: installing it.
setup-chromium = The browser tests need Chromium. Get it with: { $first }
setup-chromium-start = Chromium does not start here ({ $first }). Get what is missing with: { $second }
setup-browsers-installing = The page is also tested in Firefox and WebKit, which are not all here: installing them.
setup-browsers = The tests in Firefox and WebKit are skipped. Get both with: { $first }
