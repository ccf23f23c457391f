"""How the demonstration model is made; the running program never imports this, it only loads the result."""
