# The command line, its help, and what can go wrong with settings and set-up.
language-name = English
